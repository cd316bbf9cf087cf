import { creationNeeds } from '../../policy/creation-needs.ts';
import { firstLacking, lackText } from '../../policy/lacking.ts';
import type { LabelRule } from './labelled.ts';

/** What domB cannot build, it would find out when half of the platform is there. */
export const labelCreation: LabelRule = {
  rule: 'seclabel-creation',
  says: 'Every label is one with which the policy lets the boot domain create, build and start such a domain.',
  fault({ policy, builder }, { domain, type, building, hardware }) {
    const needs = creationNeeds(
      policy,
      builder,
      { running: type, building },
      {
        type: domain.type,
        hardware,
        affinity: domain.cpus !== undefined,
        started: domain.autostart ?? true,
      },
    );
    const lack = firstLacking(policy, needs);
    if (lack === undefined) return undefined;
    return {
      message: `the boot domain can't make a domain labelled ${type}: the policy does not allow ${lackText(lack)}`,
      hint: 'give it one with which it can',
    };
  },
};
