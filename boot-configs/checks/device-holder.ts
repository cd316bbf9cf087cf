import type { Check } from './check.ts';
import { deviceProperties } from './devices.ts';

export const deviceHolder: Check = {
  rule: 'device-holder',
  says: 'ioports, iomem and irqs are for pv domains other than the hardware domain.',
  run({ domains }, report) {
    for (const domain of domains) {
      const { path, type, capabilities } = domain;
      const hardware = capabilities?.includes('hardware');
      if ((type === undefined || type === 'pv') && !hardware) continue;
      for (const property of deviceProperties) {
        if ((domain[property] ?? []).length === 0) continue;
        report(
          [...path, property],
          hardware
            ? 'the hardware domain has everything that no other domain is given'
            : `a domain of type ${type} can't be given ${property}`,
          hardware ? `remove "${property}"` : 'make it type pv',
        );
      }
    }
  },
};
