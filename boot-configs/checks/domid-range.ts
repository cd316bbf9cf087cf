import { BOOT_DOMID, FIRST_XEN_DOMID, showDomid } from '../domids.ts';
import type { Check } from './check.ts';

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
