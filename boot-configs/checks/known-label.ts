import { contextFault, type Policy } from '../policy/policy.ts';
import { nearest } from '../suggest.ts';
import type { Check } from './check.ts';

/** Checks that the policy that Xen will load knows every label. */
export function knownLabels(policy: Policy): Check {
  return {
    rule: 'seclabel-unknown',
    says: 'Every seclabel is a valid context of the policy.',
    run({ domains }, report) {
      for (const { path, seclabel } of domains) {
        const fault = seclabel === undefined ? undefined : contextFault(policy, seclabel);
        if (seclabel === undefined || fault === undefined) continue;
        const [user, role, type = ''] = seclabel.split(':');
        const meant = nearest(type, policy.types.keys());
        report(
          [...path, 'seclabel'],
          fault,
          meant === undefined || meant === type
            ? 'use a label of this policy, or add it to the policy'
            : `did you mean "${user}:${role}:${meant}"?`,
        );
      }
    },
  };
}
