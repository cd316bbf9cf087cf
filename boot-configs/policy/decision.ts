import { constraintHolds } from './constraints.ts';
import {
  type Policy,
  type PolicyRole,
  type SecurityClass,
  type SecurityContext,
  vectorKey,
} from './model.ts';

const ALL = 0xffffffff;

/** Of the rules that there can be for two types, each written for a type or for one of its attributes. */
export function* ruleKeys(
  policy: Policy,
  source: SecurityContext,
  target: SecurityContext,
  { value }: SecurityClass,
): Generator<number> {
  const targets = policy.typesByValue.get(target.type)?.expansion ?? [];
  for (const from of policy.typesByValue.get(source.type)?.expansion ?? []) {
    for (const to of targets) yield vectorKey(from, to, value);
  }
}

/** context_struct_compute_av of xen/xsm/flask/ss/services.c, and what avc.c makes of a permissive type */
export function allowedMask(
  policy: Policy,
  source: SecurityContext,
  target: SecurityContext,
  asked: SecurityClass,
): number {
  return policy.permissive.has(source.type) ? ALL : computed(policy, source, target, asked);
}

function computed(
  policy: Policy,
  source: SecurityContext,
  target: SecurityContext,
  asked: SecurityClass,
): number {
  let allowed = 0;
  for (const key of ruleKeys(policy, source, target, asked)) {
    allowed |= policy.vectors.allow.get(key) ?? 0;
  }
  if (allowed === 0) return 0;
  for (const constraint of asked.constraints) {
    if ((constraint.permissions & allowed) === 0) continue;
    const holds = constraintHolds(constraint, source, target, (value) => roleOf(policy, value));
    if (!holds) allowed &= ~constraint.permissions;
  }
  return withinBounds(
    policy,
    source,
    target,
    asked,
    withRoles(policy, source, target, asked, allowed),
  );
}

/** The permission to change a label takes an allowed change of roles, where the role changes. */
function withRoles(
  policy: Policy,
  source: SecurityContext,
  target: SecurityContext,
  asked: SecurityClass,
  allowed: number,
): number {
  const transition = asked === policy.classes.get('domain') && asked.permissions.get('transition');
  if (!transition || source.role === target.role) return allowed;
  const may = policy.roleAllows.some(
    ({ role, newRole }) => role === source.role && newRole === target.role,
  );
  return may ? allowed : allowed & ~bitOf(transition);
}

/** type_attribute_bounds_av: the same questions in the same order, for it ends with the first that masks nothing. */
function withinBounds(
  policy: Policy,
  source: SecurityContext,
  target: SecurityContext,
  asked: SecurityClass,
  allowed: number,
): number {
  const lower = (context: SecurityContext) => {
    const type = policy.typesByValue.get(context.type)?.bounds;
    return type === undefined ? undefined : { ...context, type };
  };
  const [from, to] = [lower(source), lower(target)];
  const pairs: [SecurityContext, SecurityContext][] = [];
  if (from !== undefined) pairs.push([from, target]);
  if (to !== undefined) pairs.push([source, to]);
  if (from !== undefined && to !== undefined) pairs.push([from, to]);
  let masked = 0;
  for (const [one, other] of pairs) {
    masked = allowed & ~computed(policy, one, other, asked);
    if (masked === 0) return allowed;
  }
  return allowed & ~masked;
}

function roleOf(policy: Policy, value: number): PolicyRole | undefined {
  return [...policy.roles.values()].find((role) => role.value === value);
}

/** The bit of a permission's value. */
export function bitOf(value: number): number {
  return 1 << (value - 1);
}
