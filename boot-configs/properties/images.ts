import type { Check } from '../checks/check.ts';
import { imagePath } from '../checks/image-path.ts';
import type { DomainSettings } from '../manifest.ts';
import { listOf } from '../segments.ts';
import { asksNothing, type Details, property, type Showing } from './property.ts';

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

export const kernelProperty = property({
  checks: [imagePath],
  read: ({ kernel }) => ({ kernel }),
  asks: asksNothing,
  shown: { with: 'build-domain', details: ({ kernel }) => ({ kernel }) },
  honouredBy: ['build', 'measurement'],
  changeable: false,
});

export const ramdiskProperty = property({
  checks: [imagePath],
  read: ({ ramdisk = [] }) => ({ ramdisk: listOf(ramdisk) }),
  asks: asksNothing,
  shown: {
    with: 'build-domain',
    details: ({ ramdisk }): Details => (ramdisk.length === 0 ? {} : { ramdisk: ramdisk.join(' ') }),
  },
  honouredBy: ['build', 'steps', 'measurement'],
  changeable: false,
});

export const digestsProperty = property({
  checks: [digestTarget],
  read: ({ digests = {} }): Pick<DomainSettings, 'digests'> => {
    const { kernel, ramdisk } = digests;
    return {
      digests: {
        ...(kernel === undefined ? {} : { kernel }),
        ...(ramdisk === undefined ? {} : { ramdisk: listOf(ramdisk) }),
      },
    };
  },
  asks: asksNothing,
  shown: { with: 'measure-image', details: pinnedDigest },
  honouredBy: ['measurement'],
  changeable: false,
});

function pinnedDigest({ digests }: DomainSettings, { image }: Showing): Details {
  const { kernel, ramdisk = [] } = digests;
  const pinned = image?.component === 'kernel' ? kernel : ramdisk[image?.segment ?? 0];
  return image === undefined || image.component === 'cmdline' || pinned === undefined
    ? {}
    : { pinned };
}
