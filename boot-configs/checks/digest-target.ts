import type { Check } from './check.ts';

export const digestTarget: Check = {
  rule: 'digest-target',
  says: 'A digest is pinned only for an image that the domain has.',
  run({ domains }, report) {
    for (const { path, ramdisk, digests, refused } of domains) {
      if (digests?.ramdisk === undefined || ramdisk !== undefined || refused('ramdisk')) continue;
      report(
        [...path, 'digests', 'ramdisk'],
        'the domain has no ramdisk',
        'name the ramdisk, or remove the digest',
      );
    }
  },
};
