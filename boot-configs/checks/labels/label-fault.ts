import { domainTypes } from '../../policy/platform-types.ts';
import { labelCreation } from './creation-label.ts';
import { builderLabel, buildingLabel, hardwareLabel } from './hardware-label.ts';
import {
  type Labelled,
  type LabelledDomain,
  type LabelRule,
  labelledDomain,
  withType,
} from './labelled.ts';
import { labelPowers } from './powers-label.ts';

/** In the order in which they are asked. */
export const labelRules: readonly LabelRule[] = [
  builderLabel,
  buildingLabel,
  hardwareLabel,
  labelCreation,
  labelPowers,
];

/** What is wrong with a domain's label by the first rule that finds something. */
export function faultOf(labelled: Labelled, domain: LabelledDomain) {
  for (const rule of labelRules) {
    const fault = rule.fault(labelled, domain);
    if (fault !== undefined) return { rule, ...fault };
  }
  return undefined;
}

/** The labels that a domain could have instead, as far as these rules go and `fits` says, with its user and role. */
export function suitableLabels(
  labelled: Labelled,
  domain: LabelledDomain,
  fits: (domain: LabelledDomain) => boolean = () => true,
): string[] {
  const { policy } = labelled;
  return domainTypes(policy)
    .map((type) => withType(domain.seclabel, type))
    .flatMap((seclabel) => labelledDomain(policy, domain.domain, seclabel))
    .filter((each) => faultOf(labelled, each) === undefined && fits(each))
    .map(({ seclabel }) => seclabel)
    .sort();
}
