import { nestedHvmFault } from '../../domains/rules/processor.ts';
import type { Check } from '../checks/check.ts';
import { atCreation, property } from './property.ts';

export const nestedHvm: Check = {
  rule: 'nestedhvm',
  says: 'nestedhvm is for pvh and hvm domains.',
  run({ domains }, report) {
    for (const { path, type, nestedhvm } of domains) {
      const fault = nestedHvmFault({ type, nestedHvm: nestedhvm });
      if (fault) report([...path, 'nestedhvm'], fault.message, fault.hint);
    }
  },
};

export const nestedhvmProperty = property({
  checks: [nestedHvm],
  read: ({ nestedhvm = false }) => ({ nestedHvm: nestedhvm }),
  asks: ({ nestedHvm }) => ({ nestedHvm }),
  shown: atCreation(({ nestedHvm }) => (nestedHvm ? { nestedhvm: 'true' } : undefined)),
  honouredBy: ['creation'],
  changeable: false,
});
