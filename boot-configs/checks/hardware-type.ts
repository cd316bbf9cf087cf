import type { Check } from './check.ts';

export const hardwareType: Check = {
  rule: 'hardware-type',
  says: 'The hardware domain is of type pv.',
  run({ domains }, report) {
    for (const { path, type, capabilities } of domains) {
      if (type === undefined || type === 'pv' || !capabilities?.includes('hardware')) continue;
      // Xen can give hardware to a PVH domain only when Xen itself builds it.
      report(
        [...path, 'type'],
        'a hardware domain that is built by the boot domain must be pv',
        'write "type: pv"',
      );
    }
  },
};
