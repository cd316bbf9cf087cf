import type {
  Policy,
  PolicyLabels,
  PolicyRole,
  PolicyType,
  PolicyUser,
  SecurityContext,
} from './model.ts';

/** The role of objects goes with every type and user; it always has this value (OBJECT_R_VAL). */
const OBJECT_ROLE = 'object_r';
const OBJECT_ROLE_VALUE = 1;

/** Why `seclabel` is no valid context under `policy`, or undefined when it is one (policydb_context_isvalid). */
export function contextFault(policy: PolicyLabels, seclabel: string): string | undefined {
  const [userName = '', roleName = '', typeName = ''] = seclabel.split(':');
  const user = policy.users.get(userName);
  const role = policy.roles.get(roleName);
  const type = typeNamed(policy, typeName);
  if (user === undefined) return `the policy has no user "${userName}"`;
  if (role === undefined) return `the policy has no role "${roleName}"`;
  if (type === undefined) return `the policy has no type "${typeName}"`;
  if (roleName === OBJECT_ROLE) return undefined;
  if (!user.roles.has(role.value)) {
    return `the policy does not give user "${userName}" the role "${roleName}"`;
  }
  if (!role.types.has(type.value)) {
    return `the policy does not give role "${roleName}" the type "${typeName}"`;
  }
  return undefined;
}

/** The type of this name, which may be another one than its own. */
export function typeNamed(policy: PolicyLabels, name: string): PolicyType | undefined {
  return policy.types.get(name) ?? policy.aliases.get(name);
}

/** The context in the text of a label; undefined when {@link contextFault} says why it is none. */
export function contextOf(policy: Policy, seclabel: string): SecurityContext | undefined {
  if (contextFault(policy, seclabel) !== undefined) return undefined;
  const [userName = '', roleName = '', typeName = ''] = seclabel.split(':');
  const user = policy.users.get(userName)?.value;
  const role = policy.roles.get(roleName)?.value;
  const type = typeNamed(policy, typeName)?.value;
  return user === undefined || role === undefined || type === undefined
    ? undefined
    : { user, role, type };
}

/** All contexts with this type that are valid. */
export function contextsWith(policy: Policy, { value: type }: PolicyType): SecurityContext[] {
  return [...policy.users.values()].flatMap(({ value: user, roles }) =>
    [...policy.roles.values()]
      .filter(
        (role) =>
          role.value === OBJECT_ROLE_VALUE || (roles.has(role.value) && role.types.has(type)),
      )
      .map((role) => ({ user, role: role.value, type })),
  );
}

/** Why these values are no valid context, or undefined when they are one. */
export function valuesFault(
  {
    users,
    roles,
    types,
  }: {
    users: ReadonlyMap<string, PolicyUser>;
    roles: ReadonlyMap<string, PolicyRole>;
    types: number;
  },
  context: SecurityContext,
): string | undefined {
  const user = [...users.values()].find(({ value }) => value === context.user);
  const role = [...roles.values()].find(({ value }) => value === context.role);
  if (user === undefined) return `a context has the user ${context.user}, which is not there`;
  if (role === undefined) return `a context has the role ${context.role}, which is not there`;
  if (context.type < 1 || context.type > types) {
    return `a context has the type ${context.type}, which is not there`;
  }
  if (role.value === OBJECT_ROLE_VALUE) return undefined;
  const may = user.roles.has(role.value) && role.types.has(context.type);
  return may ? undefined : 'a context has a role that its user or its type has not';
}

/** A context as it is written. */
export function contextText(policy: Policy, { user, role, type }: SecurityContext): string {
  const named = (symbols: ReadonlyMap<string, { value: number }>, value: number) =>
    [...symbols].find(([, symbol]) => symbol.value === value)?.[0] ?? String(value);
  return [named(policy.users, user), named(policy.roles, role), named(policy.types, type)].join(
    ':',
  );
}
