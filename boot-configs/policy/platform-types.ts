import { buildType } from '../../domains/build-label.ts';
import { allowedOf, transitionOf } from './allowed.ts';
import type { Policy, PolicyType } from './model.ts';

/** The initial SIDs that domains get: the one that Xen builds, and those that are made without a label. */
const OF_DOMAINS = ['dom0', 'domU', 'domDM'];

/** The type of the boot domain: that of the domain that Xen itself builds. Undefined where the policy gives it none. */
export function builderType(policy: Policy): string | undefined {
  return sidType(policy, 'dom0');
}

/** The type of an initial SID. */
export function sidType(policy: Policy, sid: string): string | undefined {
  const value = policy.initialSids.get(sid)?.type;
  return value === undefined ? undefined : policy.typesByValue.get(value)?.name;
}

/** The type that a domain has while domB builds it, which is its own where the policy has no other. */
export function buildingType(policy: Policy, type: string): string {
  const building = buildType(type);
  return policy.types.has(building) ? building : type;
}

/** Whether it is a type that domains have only while they are built. */
export function isForBuilding(policy: Policy, type: string): boolean {
  return buildingTypes(policy).includes(type);
}

/** The types that domains have only while they are built. */
export function buildingTypes({ types }: Policy): string[] {
  return [...types.keys()].map(buildType).filter((type) => types.has(type));
}

/** What a domain of this type is to itself; the type itself where the policy makes no difference. */
export function selfType(policy: Policy, type: string): string {
  return transitionOf(policy, type, type, 'domain');
}

/**
 * The types that domains have: those that somebody may create or make of others, what the policy makes of a domain for its
 * device model, and those of the initial SIDs. Without what domains are to themselves, and what they are while they are built.
 */
export function domainTypes(policy: Policy): readonly string[] {
  const known = cache.get(policy);
  if (known !== undefined) return known;
  const names = [...policy.types.keys()];
  const made = names.filter((type) =>
    names.some(
      (source) =>
        allowedOf(policy, source, type, 'domain').has('create') ||
        allowedOf(policy, source, type, 'domain2').has('relabelto'),
    ),
  );
  const name = (value: number) => policy.typesByValue.get(value)?.name;
  const ofDeviceModels = policy.transitions
    .filter(
      (each) => each.class === policy.classes.get('domain')?.value && each.source !== each.target,
    )
    .map(({ type }) => name(type));
  const all = [...made, ...ofDeviceModels, ...OF_DOMAINS.map((sid) => sidType(policy, sid))];
  const types = [...new Set(all)]
    .filter((type) => type !== undefined)
    .filter((type) => !isForBuilding(policy, type));
  cache.set(policy, types);
  return types;
}

/** The answer is asked for with each type, and takes long to find. */
const cache = new WeakMap<Policy, readonly string[]>();

/** Whether Xen refuses domains of this type nothing. */
export function isPermissive(policy: Policy, { value }: PolicyType): boolean {
  return policy.permissive.has(value);
}
