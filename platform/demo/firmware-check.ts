import type { Check } from '../../boot-configs/checks/check.ts';
import { isHardware } from '../../boot-configs/draft.ts';
import { placedTexts } from '../../boot-configs/segments.ts';

/** What the demo's dom0 needs to enrol its TPM and to answer a nonce. */
const NEEDED = ['dom0.cpio.zst', 'domb-command.cpio.zst'];

/** Checks, for a run that must end with a proof, that dom0 can give the evidence for it. */
export const answeringDom0: Check = {
  rule: 'answering-dom0',
  says: "The hardware domain has the demo's dom0 and the command domb in its ramdisk.",
  run({ domains }, report) {
    for (const domain of domains) {
      if (!isHardware(domain) || domain.recovery || domain.refused('ramdisk')) continue;
      const path = [...domain.path, 'ramdisk'];
      const names = placedTexts(domain.ramdisk, path).map(({ text }) => text);
      if (NEEDED.every((name) => names.includes(name))) continue;
      report(
        path,
        'with --firmware, dom0 enrols its TPM and quotes, which takes the command domb',
        `write [${NEEDED.join(', ')}]`,
      );
    }
  },
};
