import { readValues } from './bitmap.ts';
import { readConstraints } from './constraints.ts';
import type { PolicyRole, PolicyUser, SecurityClass } from './model.ts';
import type { PolicyReader } from './policy-reader.ts';

/** A type or an attribute, as it stands in the table of types. */
export interface TypeSymbol {
  value: number;
  /** False for another name of a type. */
  primary: boolean;
  attribute: boolean;
  bounds: number;
}

/** A table of symbols: how many values there are, and the symbols by their names. */
export interface SymbolTable<T> {
  values: number;
  symbols: ReadonlyMap<string, T>;
}

// TYPEDATUM_PROPERTY_* of xen/xsm/flask/ss/policydb.h.
const PRIMARY = 1;
const ATTRIBUTE = 2;
/** A vector of permissions has 32 bits. */
const MAXIMUM_PERMISSIONS = 32;

/** A count of values, a count of symbols, the symbols. No two have the same name, and none a value that is too great. */
export function readTable<T extends { value: number }>(
  reader: PolicyReader,
  read: (reader: PolicyReader) => [string, T],
): SymbolTable<T> {
  const values = reader.u32();
  if (values > 0xffff) reader.fail(`${values} values of one kind are too many`);
  const symbols = new Map<string, T>();
  for (let left = reader.count(8); left > 0; left--) {
    const [name, symbol] = read(reader);
    if (symbols.has(name)) reader.fail(`the policy names "${name}" twice`);
    if (symbol.value < 1 || symbol.value > values) {
      reader.fail(`"${name}" has the value ${symbol.value} of ${values}`);
    }
    symbols.set(name, symbol);
  }
  return { values, symbols };
}

function permissions(reader: PolicyReader, count: number): Map<string, number> {
  if (count > MAXIMUM_PERMISSIONS) reader.fail(`${count} permissions in a class are too many`);
  const found = new Map<string, number>();
  for (let left = count; left > 0; left--) {
    const length = reader.u32();
    const value = reader.u32();
    const name = reader.text(length);
    if (value < 1 || value > MAXIMUM_PERMISSIONS || found.has(name)) {
      reader.fail(`the permission "${name}" can't have the value ${value}`);
    }
    found.set(name, value);
  }
  return found;
}

/** Permissions that several classes have. */
export interface CommonPermissions {
  value: number;
  permissions: Map<string, number>;
}

/** One of the first table. */
export function readCommon(reader: PolicyReader): [string, CommonPermissions] {
  const length = reader.u32();
  const value = reader.u32();
  reader.skipWords(1);
  const count = reader.u32();
  const name = reader.text(length);
  return [name, { value, permissions: permissions(reader, count) }];
}

/** Gives the reader of classes in a policy of `version` with these `commons`. */
export function classReader(version: number, commons: ReadonlyMap<string, CommonPermissions>) {
  return (reader: PolicyReader): [string, SecurityClass] => {
    const length = reader.u32();
    const commonLength = reader.u32();
    const value = reader.u32();
    reader.skipWords(1);
    const count = reader.u32();
    const constraintCount = reader.u32();
    const name = reader.text(length);
    const commonName = reader.text(commonLength);
    const common = commons.get(commonName)?.permissions;
    if (commonLength > 0 && common === undefined) reader.fail(`there is no common "${commonName}"`);
    const own = permissions(reader, count);
    const constraints = readConstraints(reader, constraintCount, { version, third: false });
    // Xen asks the rules for changes of labels (validatetrans) nowhere.
    readConstraints(reader, reader.u32(), { version, third: true });
    // Where new objects get user, role, range and type from: Xen ignores it.
    if (version >= 28) reader.skipWords(4);
    return [name, { value, permissions: new Map([...(common ?? []), ...own]), constraints }];
  };
}

/** One of the third table. */
export function readRole(reader: PolicyReader): [string, PolicyRole] {
  const length = reader.u32();
  const value = reader.u32();
  reader.skipWords(1);
  const name = reader.text(length);
  const dominates = readValues(reader);
  return [name, { value, dominates, types: readValues(reader) }];
}

/** One of the fourth table. */
export function readType(reader: PolicyReader): [string, TypeSymbol] {
  const length = reader.u32();
  const value = reader.u32();
  const properties = reader.u32();
  const bounds = reader.u32();
  const primary = (properties & PRIMARY) !== 0;
  const attribute = (properties & ATTRIBUTE) !== 0;
  return [reader.text(length), { value, primary, attribute, bounds }];
}

/** One of the fifth table. */
export function readUser(reader: PolicyReader): [string, PolicyUser] {
  const length = reader.u32();
  const value = reader.u32();
  reader.skipWords(1);
  const name = reader.text(length);
  const roles = readValues(reader);
  readRange(reader);
  reader.skipWords(1);
  readValues(reader);
  return [name, { value, roles }];
}

/** One of the sixth table. */
export function readBoolean(reader: PolicyReader): [string, { value: number; state: boolean }] {
  const value = reader.u32();
  const state = reader.u32();
  if (state > 1) reader.fail(`a boolean can't be ${state}`);
  return [reader.text(reader.u32()), { value, state: state === 1 }];
}

/** Skips the range of levels that users and contexts have; without MLS it is empty. */
export function readRange(reader: PolicyReader): void {
  const items = reader.u32();
  if (items > 2) reader.fail(`a range of ${items} levels is too long`);
  reader.skipWords(items);
  for (let levels = items > 1 ? 2 : 1; levels > 0; levels--) readValues(reader);
}
