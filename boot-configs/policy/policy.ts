import { readBits } from './bitmap.ts';
import { valuesFault } from './contexts.ts';
import type { Policy } from './model.ts';
import { readObjectContexts } from './object-contexts.ts';
import { PolicyFormatError, PolicyReader } from './policy-reader.ts';
import { readRules } from './rules.ts';
import {
  classReader,
  readBoolean,
  readCommon,
  readRole,
  readTable,
  readType,
  readUser,
} from './symbols.ts';
import { readTypes } from './types.ts';

// The format and its history: xen/xsm/flask/ss/policydb.c (policydb_read) and xen/xsm/flask/include/security.h.
const MAGIC = 0xf97cff8c;
const TARGET = 'XenFlask';
const CONFIG_MLS = 1;
const CONFIG_ALLOW_UNKNOWN = 4;
/** The two versions that checkpolicy writes for Xen, with the number of their tables of object contexts. */
const VERSION_BOUNDARY = 24;
const VERSION_XEN_DEVICETREE = 30;
const OBJECT_TABLES = new Map([
  [VERSION_BOUNDARY, 5],
  [VERSION_XEN_DEVICETREE, 6],
]);
const SYMBOL_TABLES = 8;
/** Bytes. Ours has some 10,000; more is no policy for Xen, and would cost memory when it is made up. */
const MAXIMUM_BYTES = 1 << 20;

/**
 * Reads a policy compiled for Xen. Throws a {@link PolicyFormatError} for anything else, and for policies with MLS, whose
 * contexts have a fourth part. What Xen would refuse to load is refused, too.
 */
export function readFlaskPolicy(bytes: Uint8Array): Policy {
  const reader = new PolicyReader(bytes);
  const { version, config } = readHeader(reader, bytes.length);
  // Policy capabilities are Linux's.
  readBits(reader);
  // Here bit n stands for the value n.
  const permissive = new Set(readBits(reader));
  const commons = readTable(reader, readCommon);
  const classes = readTable(reader, classReader(version, commons.symbols));
  const roles = readTable(reader, readRole);
  const types = readTable(reader, readType);
  const users = readTable(reader, readUser);
  const booleans = readTable(reader, readBoolean);
  // Sensitivities and categories of MLS.
  if (reader.u32() + reader.u32() + reader.u32() + reader.u32() > 0) {
    reader.fail('the policy has levels, although it does not use MLS');
  }
  const { vectors, transitions } = readRules(reader, {
    types: types.values,
    classes: classes.values,
    booleans: booleans.values,
  });
  const roleTransitions = list(reader, version < 26 ? 12 : 16, () => {
    const transition = { role: reader.u32(), type: reader.u32(), newRole: reader.u32() };
    if (version >= 26) reader.skipWords(1);
    return transition;
  });
  const roleAllows = list(reader, 8, () => ({ role: reader.u32(), newRole: reader.u32() }));
  if (version >= 25) none(reader, 'transitions by file name');
  const symbols = { roles: roles.symbols, users: users.symbols };
  const { initialSids, resources } = readObjectContexts(reader, version, (context) =>
    valuesFault({ ...symbols, types: types.values }, context),
  );
  none(reader, 'labels of file systems');
  none(reader, 'transitions of ranges');
  const known = readTypes(reader, types);
  if (reader.left > 0) reader.fail(`${reader.left} bytes follow the policy`);
  return {
    version,
    allowsUnknown: (config & CONFIG_ALLOW_UNKNOWN) !== 0,
    ...symbols,
    ...known,
    classes: classes.symbols,
    booleans: new Map([...booleans.symbols].map(([name, { state }]) => [name, state])),
    ...{ permissive, vectors, transitions, roleTransitions, roleAllows, initialSids, resources },
  };
}

function readHeader(reader: PolicyReader, length: number): { version: number; config: number } {
  if (reader.u32() !== MAGIC) throw new PolicyFormatError('this is not a compiled policy');
  const target = reader.text(reader.count(1));
  if (target !== TARGET) throw new PolicyFormatError('the policy is not made for Xen');
  if (length > MAXIMUM_BYTES) {
    throw new PolicyFormatError(
      `the policy has ${length} bytes; one for Xen has some 10,000, and 1 MiB at most`,
    );
  }
  const version = reader.u32();
  const objectTables = OBJECT_TABLES.get(version);
  if (objectTables === undefined) {
    const known = [...OBJECT_TABLES.keys()].join(' and ');
    throw new PolicyFormatError(`the policy has version ${version}; ${known} can be read`);
  }
  const config = reader.u32();
  if ((config & CONFIG_MLS) !== 0) throw new PolicyFormatError('the policy uses MLS');
  if (reader.u32() !== SYMBOL_TABLES || reader.u32() !== objectTables) {
    reader.fail('the policy has other tables than its version');
  }
  return { version, config };
}

function list<T>(reader: PolicyReader, size: number, read: () => T): T[] {
  return Array.from({ length: reader.count(size) }, read);
}

function none(reader: PolicyReader, what: string): void {
  if (reader.u32() > 0) reader.fail(`the policy has ${what}, which Xen does not know`);
}
