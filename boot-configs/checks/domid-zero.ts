import type { Check } from './check.ts';

export const domidZero: Check = {
  rule: 'domid-zero',
  says: 'Only the hardware domain may have domid 0.',
  run({ domains }, report) {
    // Without any hardware domain this may be the one that is meant.
    if (!domains.some((domain) => domain.capabilities?.includes('hardware'))) return;
    for (const { path, domid, capabilities, recovery, refused } of domains) {
      // Of a recovery domain without capabilities, that is what has to be said.
      if (domid !== 0 || recovery || refused('capabilities') || capabilities?.includes('hardware'))
        continue;
      report(
        [...path, 'domid'],
        'domid 0 is for the hardware domain, which this domain is not',
        'use 1 to 0x7EFF for a guest, or give the domain the capability hardware',
      );
    }
  },
};
