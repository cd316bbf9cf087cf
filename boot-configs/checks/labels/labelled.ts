import { type Draft, type DraftDomain, isHardware } from '../../draft.ts';
import { contextFault, typeNamed } from '../../policy/contexts.ts';
import type { Policy } from '../../policy/model.ts';
import { builderType, buildingType } from '../../policy/platform-types.ts';

/** A domain of a manifest with a label that the policy knows. */
export interface LabelledDomain {
  domain: DraftDomain;
  seclabel: string;
  /** The label's type, by its own name. */
  type: string;
  /** Its type while domB builds it. */
  building: string;
  /** Whether it is the hardware domain, or the recovery domain in its place. */
  hardware: boolean;
}

/** Everything that the rules about labels are asked with. */
export interface Labelled {
  policy: Policy;
  /** The boot domain's type. */
  builder: string;
  domains: LabelledDomain[];
}

/** A rule about the label of one domain. It says what is wrong with it, and what to give the domain instead. */
export interface LabelRule {
  rule: string;
  says: string;
  fault(labelled: Labelled, domain: LabelledDomain): { message: string; hint: string } | undefined;
}

/** The domains of a manifest whose labels the policy knows: of others nothing can be said. */
export function labelledOf(policy: Policy, { domains }: Draft): Labelled {
  const builder = builderType(policy);
  const known = builder === undefined ? [] : domains;
  return {
    policy,
    builder: builder ?? '',
    domains: known.flatMap((domain) =>
      domain.seclabel === undefined ? [] : labelledDomain(policy, domain, domain.seclabel),
    ),
  };
}

/** The domain, or none, with this label. */
export function labelledDomain(
  policy: Policy,
  domain: DraftDomain,
  seclabel: string,
): LabelledDomain[] {
  const type = typeNamed(policy, seclabel.split(':')[2] ?? '')?.name;
  if (type === undefined || contextFault(policy, seclabel) !== undefined) return [];
  const building = buildingType(policy, type);
  return [{ domain, seclabel, type, building, hardware: isHardware(domain) }];
}

/** The label with another type. */
export function withType(seclabel: string, type: string): string {
  return [...seclabel.split(':').slice(0, 2), type].join(':');
}
