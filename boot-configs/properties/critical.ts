import type { Check } from '../checks/check.ts';
import { hintForHardware } from './hardware-hint.ts';
import { asksNothing, atCreation, property } from './property.ts';

export const criticalHardware: Check = {
  rule: 'critical-hardware',
  says: 'The hardware domain is critical.',
  run({ domains }, report) {
    for (const { path, critical, capabilities } of domains) {
      if (critical !== false || !capabilities?.includes('hardware')) continue;
      report(
        [...path, 'critical'],
        'without the hardware domain there is no platform',
        hintForHardware('critical', 'true'),
      );
    }
  },
};

export const criticalProperty = property({
  checks: [criticalHardware],
  read: ({ critical = true }) => ({ critical }),
  asks: asksNothing,
  shown: atCreation(({ critical }) => (critical ? undefined : { critical: 'false' })),
  honouredBy: ['failure'],
  changeable: false,
});
