import type { Check } from './check.ts';

export const failureOfDispensable: Check = {
  rule: 'on-failure-critical',
  says: 'Only a critical domain has on_failure.',
  run({ domains }, report) {
    for (const { path, critical, on_failure } of domains) {
      if (critical !== false || on_failure === undefined) continue;
      report(
        [...path, 'on_failure'],
        'the boot goes on without this domain, which has "critical: false"',
        'remove "on_failure", or "critical: false"',
      );
    }
  },
};
