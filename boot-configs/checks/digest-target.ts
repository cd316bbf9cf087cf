import { listOf } from '../segments.ts';
import type { Check } from './check.ts';

export const digestTarget: Check = {
  rule: 'digest-target',
  says: 'Digests are pinned only for images that the domain has, and for all segments of a ramdisk or none.',
  run({ domains }, report) {
    for (const { path, ramdisk, digests, refused } of domains) {
      if (digests?.ramdisk === undefined || refused('ramdisk') || refused('digests')) continue;
      const at = [...path, 'digests', 'ramdisk'];
      if (ramdisk === undefined) {
        report(at, 'the domain has no ramdisk', 'name the ramdisk, or remove the digest');
        continue;
      }
      const segments = listOf(ramdisk).length;
      const pinned = listOf(digests.ramdisk).length;
      if (segments === pinned) continue;
      report(
        at,
        `the ramdisk has ${segments} ${segments === 1 ? 'segment' : 'segments'}, and digests are pinned for ${pinned}`,
        'write a list with one digest for each segment, in their order',
      );
    }
  },
};
