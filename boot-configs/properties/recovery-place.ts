import { showDomid } from '../../domains/domids.ts';
import type { Check } from '../checks/check.ts';
import type { DraftDomain } from '../draft.ts';

/** What Xen fixes when it creates a domain, with what holds where a manifest says nothing. */
const fixedAtCreation = [
  ['domid', undefined],
  ['vcpus', 1],
  ['seclabel', undefined],
  ['max_grant_frames', "Xen's default"],
  ['max_maptrack_frames', "Xen's default"],
  ['max_event_channels', "Xen's default"],
] as const;

type Fixed = (typeof fixedAtCreation)[number][0];

export const recoveryPlace: Check = {
  rule: 'recovery-place',
  says: "The recovery domain has the hardware domain's domid, vcpus, seclabel and limits.",
  run({ domains }, report) {
    const recovery = domains.find((domain) => domain.recovery);
    const hardware = domains.find(
      (domain) => !domain.recovery && domain.capabilities?.includes('hardware'),
    );
    if (recovery === undefined || hardware === undefined) return;
    for (const [key, otherwise] of fixedAtCreation) {
      if (recovery.refused(key) || hardware.refused(key)) continue;
      const [mine, its] = [recovery[key] ?? otherwise, hardware[key] ?? otherwise];
      if (mine === its || mine === undefined || its === undefined) continue;
      // Xen makes one hardware domain: when a later step fails, recovery is built into the one that is there.
      report(
        [...recovery.path, key],
        `the hardware domain, whose place the recovery domain takes, has ${show(key, its)}`,
        hardware[key] === undefined ? `remove "${key}"` : `write "${key}: ${show(key, its)}"`,
      );
    }
  },
};

const show = (key: Fixed, value: DraftDomain[Fixed]): string =>
  key === 'domid' && typeof value === 'number' ? showDomid(value) : String(value);
