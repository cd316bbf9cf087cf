import type { Check } from './check.ts';

/** What an initramfs has as something else than a directory, or mounts something over before its init looks there. */
const taken = 'init bin sbin lib lib32 lib64 libx32 dev proc sys run tmp'.split(' ');

export const handoverDirectory: Check = {
  rule: 'handover-directory',
  says: `The directory of the hand-over is not below one of ${taken.map((name) => `/${name}`).join(', ')}.`,
  run({ handoverDirectory: directory }, report) {
    const first = directory?.split('/')[1];
    if (first === undefined || !taken.includes(first)) return;
    report(
      ['platform', 'handover', 'directory'],
      `an initramfs has its own /${first}, a link, a file or a mount point`,
      'choose a directory of its own, for example /domb-handover',
    );
  },
};
