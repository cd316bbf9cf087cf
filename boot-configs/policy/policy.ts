import { Cursor, PolicyFormatError } from './cursor.ts';

/** What a compiled FLASK policy says about security contexts. */
export interface Policy {
  users: ReadonlyMap<string, { roles: ReadonlySet<number> }>;
  roles: ReadonlyMap<string, { value: number; types: ReadonlySet<number> }>;
  /** Without attributes, which are sets of types. */
  types: ReadonlyMap<string, { value: number }>;
}

// The format and its history: xen/xsm/flask/ss/policydb.c (policydb_read) and xen/xsm/flask/include/security.h.
const MAGIC = 0xf97cff8c;
const TARGET = 'XenFlask';
const CONFIG_MLS = 1;
/** The two versions that checkpolicy writes for Xen today. */
const VERSION_BOUNDARY = 24;
const VERSION_XEN_DEVICETREE = 30;
/** Kind of a constraint's expression that is followed by bitmaps. */
const CEXPR_NAMES = 5;
/** TYPEDATUM_PROPERTY_ATTRIBUTE. */
const ATTRIBUTE = 2;
/** The role of objects goes with every type and user. */
const OBJECT_ROLE = 'object_r';

/**
 * Reads the users, roles and types of a policy compiled for Xen. Throws a {@link PolicyFormatError} for anything
 * else, and for policies with MLS, whose contexts have a fourth part.
 */
export function readPolicy(bytes: Uint8Array): Policy {
  const cursor = new Cursor(bytes);
  if (cursor.u32() !== MAGIC) throw new PolicyFormatError('this is not a compiled policy');
  const target = cursor.text(cursor.count(1));
  if (target !== TARGET) throw new PolicyFormatError('the policy is not made for Xen');
  const version = cursor.u32();
  if (version !== VERSION_BOUNDARY && version !== VERSION_XEN_DEVICETREE) {
    throw new PolicyFormatError(
      `the policy has version ${version}; ${VERSION_BOUNDARY} and ${VERSION_XEN_DEVICETREE} can be read`,
    );
  }
  if ((cursor.u32() & CONFIG_MLS) !== 0) throw new PolicyFormatError('the policy uses MLS');
  // Numbers of tables, policy capabilities, permissive types.
  cursor.skipWords(2);
  bitmap(cursor);
  bitmap(cursor);
  table(cursor, common);
  table(cursor, () => securityClass(cursor, version));
  const roles = table(cursor, role);
  const symbols = table(cursor, type);
  const users = table(cursor, user);
  const types = new Map([...symbols].filter(([, { attribute }]) => !attribute));
  return { users, roles, types };
}

/** Why `seclabel` is no valid context under `policy`, or undefined when it is one (policydb_context_isvalid). */
export function contextFault(policy: Policy, seclabel: string): string | undefined {
  const [userName = '', roleName = '', typeName = ''] = seclabel.split(':');
  const user = policy.users.get(userName);
  const role = policy.roles.get(roleName);
  const type = policy.types.get(typeName);
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

/** A symbol table: a count of values, a count of symbols, the symbols. */
function table<T>(cursor: Cursor, read: (cursor: Cursor) => [string, T]): Map<string, T> {
  cursor.skipWords(1);
  const symbols = new Map<string, T>();
  for (let left = cursor.count(8); left > 0; left--) {
    const [name, symbol] = read(cursor);
    symbols.set(name, symbol);
  }
  return symbols;
}

function permissions(cursor: Cursor, count: number): void {
  for (let left = count; left > 0; left--) {
    const length = cursor.u32();
    cursor.skipWords(1);
    cursor.take(length);
  }
}

function common(cursor: Cursor): [string, undefined] {
  const length = cursor.u32();
  cursor.skipWords(2);
  const count = cursor.u32();
  const name = cursor.text(length);
  permissions(cursor, count);
  return [name, undefined];
}

function securityClass(cursor: Cursor, version: number): [string, undefined] {
  const length = cursor.u32();
  const commonLength = cursor.u32();
  cursor.skipWords(2);
  const count = cursor.u32();
  const constraintCount = cursor.u32();
  const name = cursor.text(length);
  cursor.take(commonLength);
  permissions(cursor, count);
  constraints(cursor, constraintCount, version);
  constraints(cursor, cursor.u32(), version);
  // Where new objects get user, role, range and type from.
  if (version === VERSION_XEN_DEVICETREE) cursor.skipWords(4);
  return [name, undefined];
}

function constraints(cursor: Cursor, count: number, version: number): void {
  for (let left = count; left > 0; left--) {
    cursor.skipWords(1);
    for (let expressions = cursor.u32(); expressions > 0; expressions--) {
      const kind = cursor.u32();
      cursor.skipWords(2);
      if (kind !== CEXPR_NAMES) continue;
      bitmap(cursor);
      if (version === VERSION_BOUNDARY) continue;
      bitmap(cursor);
      bitmap(cursor);
      cursor.skipWords(1);
    }
  }
}

function role(cursor: Cursor): [string, { value: number; types: Set<number> }] {
  const length = cursor.u32();
  const value = cursor.u32();
  cursor.skipWords(1);
  const name = cursor.text(length);
  bitmap(cursor);
  return [name, { value, types: bitmap(cursor) }];
}

function type(cursor: Cursor): [string, { value: number; attribute: boolean }] {
  const length = cursor.u32();
  const value = cursor.u32();
  const properties = cursor.u32();
  cursor.skipWords(1);
  return [cursor.text(length), { value, attribute: (properties & ATTRIBUTE) !== 0 }];
}

function user(cursor: Cursor): [string, { roles: Set<number> }] {
  const length = cursor.u32();
  cursor.skipWords(2);
  const name = cursor.text(length);
  const roles = bitmap(cursor);
  // Without MLS the range and the level are there, too, and empty.
  const items = cursor.u32();
  cursor.skipWords(items);
  for (let levels = items > 1 ? 2 : 1; levels > 0; levels--) bitmap(cursor);
  cursor.skipWords(1);
  bitmap(cursor);
  return [name, { roles }];
}

/** The values in an extensible bitmap; bit n stands for the value n + 1. */
function bitmap(cursor: Cursor): Set<number> {
  if (cursor.u32() !== 64) throw new PolicyFormatError('the policy has bitmaps of unknown units');
  cursor.skipWords(1);
  const values = new Set<number>();
  for (let left = cursor.count(12); left > 0; left--) {
    const start = cursor.u32();
    const map = cursor.take(8).readBigUInt64LE(0);
    for (let bit = 0; bit < 64; bit++) {
      if ((map >> BigInt(bit)) & 1n) values.add(start + bit + 1);
    }
  }
  return values;
}
