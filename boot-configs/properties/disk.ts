import { servedFault } from '../../domains/rules/services.ts';
import type { Check, Report } from '../checks/check.ts';
import { deviceOf } from '../device-words.ts';
import { readDisk } from '../disk-words.ts';
import { type DraftDomain, hasXenstore, isHardware } from '../draft.ts';
import type { DomainSettings } from '../manifest.ts';
import type { Path } from '../path.ts';
import { asksNothing, atCreation, property } from './property.ts';

interface Place {
  path: Path;
  domain: DraftDomain;
}

export const disks: Check = {
  rule: 'disk',
  says: 'disk is for domains with xenstore; a domain has one disk of a name, and what one may write nobody else has.',
  run({ domains }, report) {
    /** Who has which block device, and whether somebody may write there. */
    const held = new Map<string, Place & { writes: boolean }>();
    for (const domain of domains) {
      const listed = domain.disk ?? [];
      if (listed.length === 0) continue;
      checkServed(domain, 'disk', report);
      const names = new Set<string>();
      for (const [index, text] of listed.entries()) {
        // A refused one is missing.
        if (text === undefined) continue;
        const path = [...domain.path, 'disk', index];
        const read = readDisk(text);
        if ('fault' in read) {
          report(path, read.fault.message, read.fault.hint);
          continue;
        }
        const { vdev, target, access, script } = read.device;
        const taken = [...names].find((name) => isPartOf(name, vdev) || isPartOf(vdev, name));
        if (taken !== undefined) {
          const message =
            taken === vdev ? `it has ${vdev} already` : `${vdev} and ${taken} overlap`;
          report(path, message, 'give each disk a name of its own');
        }
        names.add(vdev);
        const writes = access === 'w';
        const key = `${script ?? ''} ${target}`;
        const other = held.get(key);
        if (other === undefined) {
          held.set(key, { path, domain, writes });
        } else if (writes || other.writes) {
          const who = other.domain === domain ? 'it' : `domain "${other.domain.name ?? ''}"`;
          report(path, `${who} has ${target} already, and one of them may write`, SHARED);
        }
      }
    }
  },
};

const SHARED =
  'two file systems on one disk destroy each other: give it to one domain, or to all with "access=r"';

const isPartOf = (part: string, whole: string): boolean =>
  part === whole || (/[a-z]$/.test(whole) && part.replace(/[0-9]+$/, '') === whole);

/** What keeps domain 0 from attaching devices to the domain. */
export function checkServed(domain: DraftDomain, key: 'disk' | 'vif', report: Report): void {
  const fault = servedFault(key, { hardware: isHardware(domain), xenstore: hasXenstore(domain) });
  if (fault) report([...domain.path, key], fault.message, fault.hint);
}

/** Domain 0 attaches them when it has introduced the domain. */
export const diskProperty = property({
  checks: [disks],
  read: ({ disk = [] }): Pick<DomainSettings, 'disks'> =>
    disk.length === 0 ? {} : { disks: disk.map((text) => deviceOf(readDisk(text))) },
  asks: asksNothing,
  shown: atCreation(({ disks }) =>
    disks === undefined
      ? undefined
      : { disk: disks.map(({ vdev, access }) => `${vdev} ${access}`).join(',') },
  ),
  honouredBy: ['record'],
  changeable: false,
});
