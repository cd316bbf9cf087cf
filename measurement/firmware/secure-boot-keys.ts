import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeasurementError } from '../errors.ts';
import { readBounded } from '../read-bounded.ts';
import { EFI_GLOBAL_VARIABLE, EFI_IMAGE_SECURITY_DATABASE } from './efi-guids.ts';
import { signatureEntries } from './signature-lists.ts';
import { isVariableStore, readVariableStore, type StoredVariable } from './variable-store.ts';

/** What Secure Boot's variables hold when the machine starts. */
export interface SecureBootKeys {
  /** Whether firmware checks what it starts. */
  readonly on: boolean;
  /** Contents by name, EFI_SIGNATURE_LISTs; what is missing is empty. */
  readonly variables: ReadonlyMap<SecureBootVariable, Buffer>;
}

/** In the order in which firmware measures them; the last two only where there is such a variable. PFP 1.05, 3.3.4.8. */
export const secureBootVariables = ['PK', 'KEK', 'db', 'dbx', 'dbt', 'dbr'] as const;
export type SecureBootVariable = (typeof secureBootVariables)[number];

/** The GUID of whom a variable belongs to. UEFI 2.10, 3.3 and 32.6.1. */
export const ownerOf = (name: SecureBootVariable): string =>
  name === 'PK' || name === 'KEK' ? EFI_GLOBAL_VARIABLE : EFI_IMAGE_SECURITY_DATABASE;

/** No keys at all: Secure Boot is off, and every variable empty. */
export const noKeys: SecureBootKeys = { on: false, variables: new Map() };

/** Bytes. Variable stores have 4 MiB at most in practice; dbx, the largest variable, some tens of KiB. */
const MAX_SIZE = 16 * 1024 * 1024;

/** gEfiSecureBootEnableDisableGuid (EDK II, SecurityPkg): whether the user has switched Secure Boot off in spite of the keys. */
const SWITCH = { owner: 'f0a30bc7-af08-4556-99c4-001009c93a44', name: 'SecureBootEnable' };

/** Bytes of attributes before a variable's contents in efivarfs. Linux, Documentation/filesystems/efivarfs.rst. */
const ATTRIBUTES = 4;

/**
 * Reads Secure Boot's variables from `source`: a variable store of EDK II (`.fd`); a directory in the form of Linux's efivarfs
 * (`db-d719b2cb-…`), `/sys/firmware/efi/efivars` or a copy; or one with files of signature lists (`PK.esl`, `KEK.esl`, `db.esl` and
 * perhaps `dbx.esl`, `dbt.esl`, `dbr.esl`).
 * @throws {MeasurementError} for anything else, and for contents that are no signature lists
 */
export async function readSecureBootKeys(source: string): Promise<SecureBootKeys> {
  const keys = (await stat(source)).isDirectory()
    ? await fromDirectory(source)
    : fromStore(source, await readBounded(source, MAX_SIZE));
  for (const [name, bytes] of keys.variables) signatureEntries(bytes, `${source}: ${name}`);
  return keys;
}

function fromStore(source: string, bytes: Buffer): SecureBootKeys {
  if (!isVariableStore(bytes)) {
    throw new MeasurementError(
      `${source}: not a variable store of UEFI firmware`,
      'give an .fd file with variables, a directory like /sys/firmware/efi/efivars, or one with PK.esl, KEK.esl, db.esl and dbx.esl',
    );
  }
  const stored = readVariableStore(bytes);
  const find = (owner: string, name: string) =>
    stored.find((variable: StoredVariable) => variable.name === name && variable.owner === owner);
  const variables = present((name) => find(ownerOf(name), name)?.data);
  // What EDK II makes the variable SecureBoot of when it starts (SecurityPkg, AuthService).
  const switched = find(SWITCH.owner, SWITCH.name)?.data[0] ?? 1;
  return { on: variables.has('PK') && switched === 1, variables };
}

async function fromDirectory(directory: string): Promise<SecureBootKeys> {
  const names = new Set(await readdir(directory));
  const efivar = (name: string, owner: string) => `${name}-${owner}`;
  const state = efivar('SecureBoot', EFI_GLOBAL_VARIABLE);
  if (names.has(state)) {
    const read = async (file: string) =>
      names.has(file) ? withoutAttributes(directory, file) : undefined;
    const variables = await presentIn((name) => read(efivar(name, ownerOf(name))));
    return { on: (await read(state))?.[0] === 1, variables };
  }
  const missing = ['PK', 'KEK', 'db'].find((name) => !names.has(`${name}.esl`));
  if (missing !== undefined) {
    throw new MeasurementError(
      `${directory}: neither ${state} nor ${missing}.esl is in it`,
      'give a directory like /sys/firmware/efi/efivars, or one with PK.esl, KEK.esl, db.esl and dbx.esl',
    );
  }
  const variables = await presentIn(async (name) =>
    names.has(`${name}.esl`) ? readBounded(join(directory, `${name}.esl`), MAX_SIZE) : undefined,
  );
  return { on: variables.has('PK'), variables };
}

async function withoutAttributes(directory: string, file: string): Promise<Buffer> {
  const bytes = await readBounded(join(directory, file), MAX_SIZE);
  if (bytes.length >= ATTRIBUTES) return bytes.subarray(ATTRIBUTES);
  throw new MeasurementError(
    `${join(directory, file)}: it lacks the 4 bytes of attributes that a variable begins with`,
    'copy the file as it is in /sys/firmware/efi/efivars',
  );
}

/** The variables that are there and hold something. */
function present(read: (name: SecureBootVariable) => Buffer | undefined) {
  const held = secureBootVariables.flatMap((name): [SecureBootVariable, Buffer][] => {
    const bytes = read(name);
    return bytes === undefined || bytes.length === 0 ? [] : [[name, bytes]];
  });
  return new Map(held);
}

async function presentIn(read: (name: SecureBootVariable) => Promise<Buffer | undefined>) {
  const all = await Promise.all(
    secureBootVariables.map(async (name) => [name, await read(name)] as const),
  );
  const found = new Map(all);
  return present((name) => found.get(name));
}
