import { contextOf, contextsWith, typeNamed } from './contexts.ts';
import { allowedMask, bitOf, ruleKeys } from './decision.ts';
import type { Policy, SecurityClass, SecurityContext } from './model.ts';

/** A question about a type, a label or a class that the policy has not. */
export class PolicyNameError extends Error {
  override name = 'PolicyNameError';
}

const ALL = 0xffffffff;

/**
 * The permissions of a class that Xen grants a source over a target: with attributes, conditions as the policy sets them,
 * constraints and bounds. `source` and `target` are labels, or types: of a type everything counts that some label with it has.
 * @throws {@link PolicyNameError} when the policy has not what is asked for
 */
export function allowedOf(
  policy: Policy,
  source: string,
  target: string,
  className: string,
): ReadonlySet<string> {
  const asked = classNamed(policy, className);
  let mask = 0;
  for (const from of contextsNamed(policy, source)) {
    for (const to of contextsNamed(policy, target)) mask |= allowedMask(policy, from, to, asked);
  }
  return permissionsIn(asked, mask);
}

/**
 * The permissions of a class whose refusal Xen does not log (dontaudit), whether they are refused or not.
 * @throws {@link PolicyNameError} when the policy has not what is asked for
 */
export function silentOf(
  policy: Policy,
  source: string,
  target: string,
  className: string,
): ReadonlySet<string> {
  const asked = classNamed(policy, className);
  const [from] = contextsNamed(policy, source);
  const [to] = contextsNamed(policy, target);
  if (from === undefined || to === undefined) return new Set();
  let logged = ALL;
  for (const key of ruleKeys(policy, from, to, asked)) {
    logged &= policy.vectors.auditDeny.get(key) ?? ALL;
  }
  return permissionsIn(asked, ~logged);
}

/**
 * The type of what a source makes in a class (type_transition): of an event channel to a target, or in the class domain, with
 * source and target the same, what a domain is to itself. Rules for attributes were resolved by the compiler.
 * @throws {@link PolicyNameError} when the policy has not what is asked for
 */
export function transitionOf(
  policy: Policy,
  source: string,
  target: string,
  className: string,
): string {
  const { value } = classNamed(policy, className);
  const [from] = contextsNamed(policy, source);
  const [to] = contextsNamed(policy, target);
  const rule = policy.transitions.find(
    (each) => each.class === value && each.source === from?.type && each.target === to?.type,
  );
  // security_compute_sid: a domain stays what it is, other things are what the target is.
  const type = rule?.type ?? (className === 'domain' ? from?.type : to?.type);
  const found = policy.typesByValue.get(type ?? 0);
  if (found === undefined) throw new PolicyNameError('the policy has no context for this');
  return found.name;
}

function classNamed(policy: Policy, name: string): SecurityClass {
  const found = policy.classes.get(name);
  if (found === undefined) throw new PolicyNameError(`the policy has no class "${name}"`);
  return found;
}

/** The context of a label, or all contexts with a type. */
function contextsNamed(policy: Policy, name: string): SecurityContext[] {
  if (name.includes(':')) {
    const context = contextOf(policy, name);
    if (context === undefined) throw new PolicyNameError(`the policy has no label "${name}"`);
    return [context];
  }
  const type = typeNamed(policy, name);
  if (type === undefined) throw new PolicyNameError(`the policy has no type "${name}"`);
  return contextsWith(policy, type);
}

function permissionsIn({ permissions }: SecurityClass, mask: number): ReadonlySet<string> {
  return new Set(
    [...permissions].filter(([, value]) => (mask & bitOf(value)) !== 0).map(([name]) => name),
  );
}
