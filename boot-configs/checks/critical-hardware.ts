import type { Check } from './check.ts';

export const criticalHardware: Check = {
  rule: 'critical-hardware',
  says: 'The hardware domain is critical.',
  run({ domains }, report) {
    for (const { path, critical, capabilities } of domains) {
      if (critical !== false || !capabilities?.includes('hardware')) continue;
      report(
        [...path, 'critical'],
        'without the hardware domain there is no platform',
        'remove "critical"',
      );
    }
  },
};
