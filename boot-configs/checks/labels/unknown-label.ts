import type { Draft } from '../../draft.ts';
import { contextFault } from '../../policy/contexts.ts';
import type { Policy } from '../../policy/model.ts';
import { nearest } from '../../suggest.ts';
import type { Report } from '../check.ts';

/** Reports labels that the policy that Xen will load does not know. */
export function reportUnknown(policy: Policy, { domains }: Draft, report: Report): void {
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
}
