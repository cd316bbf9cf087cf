import { BOOT_DOMID, FIRST_XEN_DOMID, showDomid } from '../../domains/domids.ts';
import type { Check } from '../checks/check.ts';
import { reportDuplicates } from '../checks/report-duplicates.ts';
import { atCreation, property } from './property.ts';

export const domidRange: Check = {
  rule: 'domid-range',
  says: "A domid is 0 to 0x7FEE: 0x7FEF is the boot domain, and from 0x7FF0 on the numbers are Xen's own.",
  run({ domains }, report) {
    for (const { path, domid } of domains) {
      if (domid === undefined || domid < BOOT_DOMID) continue;
      report(
        [...path, 'domid'],
        domid === BOOT_DOMID
          ? `${showDomid(domid)} is the boot domain's own domid`
          : `${showDomid(domid)} is not a domid: from ${showDomid(FIRST_XEN_DOMID)} on the numbers are Xen's own`,
        'use 1 to 0x7EFF for a guest, 0x7F00 to 0x7FEE for a service domain of the platform',
      );
    }
  },
};

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

export const duplicateDomid: Check = {
  rule: 'duplicate-domid',
  says: 'No two domains have the same domid, but for the recovery domain.',
  run({ domains }, report) {
    const taken = new Set(domains.map((domain) => domain.domid));
    reportDuplicates(
      // The recovery domain takes the place of the hardware domain.
      domains.filter(({ recovery }) => !recovery),
      'domid',
      (domain) => domain.domid,
      (domain, path, first) => {
        let free = Math.max(1, domain.domid ?? 1);
        while (taken.has(free)) free += 1;
        report(
          path,
          `${first} has domid ${showDomid(domain.domid ?? 0)} already`,
          `${showDomid(free)} is free`,
        );
      },
    );
  },
};

export const domidProperty = property({
  checks: [duplicateDomid, domidRange, domidZero],
  read: ({ domid }) => ({ domid }),
  asks: ({ domid }) => ({ domid }),
  shown: atCreation(({ domid }) => ({ domid: showDomid(domid) })),
  honouredBy: ['creation', 'measurement', 'record'],
  changeable: false,
});
