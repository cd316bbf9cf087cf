import { hardwareTypeFault } from '../../domains/rules/devices.ts';
import type { Check } from '../checks/check.ts';
import { isHardware } from '../draft.ts';
import { atCreation, property } from './property.ts';

export const hardwareType: Check = {
  rule: 'hardware-type',
  says: 'The hardware domain is of type pv.',
  run({ domains }, report) {
    for (const domain of domains) {
      const fault = hardwareTypeFault({ type: domain.type, hardware: isHardware(domain) });
      if (fault) report([...domain.path, 'type'], fault.message, fault.hint);
    }
  },
};

export const typeProperty = property({
  checks: [hardwareType],
  read: ({ type }) => ({ type }),
  asks: ({ type }) => ({ type }),
  shown: atCreation(({ type }) => ({ type })),
  honouredBy: ['creation', 'measurement', 'record'],
  changeable: false,
});
