import type { Draft } from '../../draft.ts';
import type { Policy } from '../../policy/model.ts';
import type { Check, Report } from '../check.ts';
import { reportDevices } from './devices-label.ts';
import { faultOf, labelRules, suitableLabels } from './label-fault.ts';
import { labelledOf } from './labelled.ts';
import { reportTwice } from './once-label.ts';
import { reportServices } from './services-label.ts';
import { reportUnknown } from './unknown-label.ts';

/** A rule that takes a policy. */
interface PolicyRule extends Pick<Check, 'rule' | 'says'> {
  run(policy: Policy, draft: Draft, report: Report): void;
}

/** All rules about labels. Of a label that several refuse, the first says why; devices and services are then not looked at. */
export const policyRules: readonly PolicyRule[] = [
  {
    rule: 'seclabel-unknown',
    says: 'Every seclabel is a valid context of the policy.',
    run: reportUnknown,
  },
  ...labelRules.map(
    (own): PolicyRule => ({
      rule: own.rule,
      says: own.says,
      run(policy, draft, report) {
        const labelled = labelledOf(policy, draft);
        for (const each of labelled.domains) {
          const found = faultOf(labelled, each);
          if (found?.rule !== own) continue;
          const others = suitableLabels(labelled, each);
          const hint =
            others.length > 0 ? `: ${others.join(' or ')}` : ', which this policy has not';
          report([...each.domain.path, 'seclabel'], found.message, `${found.hint}${hint}`);
        }
      },
    }),
  ),
  {
    rule: 'seclabel-once',
    says: 'Two domains have the same label only where that gives them no power over each other.',
    run(policy, draft, report) {
      reportTwice(labelledOf(policy, draft), report);
    },
  },
  {
    rule: 'seclabel-devices',
    says: 'A domain with devices has a label that may have them, by the labels of the devices.',
    run(policy, draft, report) {
      const labelled = labelledOf(policy, draft);
      for (const each of labelled.domains) {
        if (!faultOf(labelled, each)) reportDevices(labelled, each, report);
      }
    },
  },
  {
    rule: 'seclabel-services',
    says: 'A domain with xenstore, console or vtpm has a label that lets it be served, and who serves it one that lets it serve.',
    run(policy, draft, report) {
      const labelled = labelledOf(policy, draft);
      for (const each of labelled.domains) {
        if (!faultOf(labelled, each)) reportServices(labelled, each, report);
      }
    },
  },
];

/** The checks that a policy, which Xen will load, allows the domains of a manifest their labels and what comes with them. */
export function policyChecks(policy: Policy): Check[] {
  return policyRules.map(({ rule, says, run }) => ({
    rule,
    says,
    run: (draft, report) => run(policy, draft, report),
  }));
}
