import { showDomid } from '../domids.ts';
import type { Check } from './check.ts';
import { reportDuplicates } from './report-duplicates.ts';

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
