import type { Check } from './check.ts';

export const nestedHvm: Check = {
  rule: 'nestedhvm',
  says: 'nestedhvm is for pvh and hvm domains.',
  run({ domains }, report) {
    for (const { path, type, nestedhvm } of domains) {
      if (type !== 'pv' || nestedhvm !== true) continue;
      report(
        [...path, 'nestedhvm'],
        'a pv domain does not use the virtualization of the processor and cannot pass it on',
        'remove nestedhvm, or make the domain pvh or hvm',
      );
    }
  },
};
