import { closeSync, openSync, readSync } from 'node:fs';
import type { Check } from '../boot-configs/checks/check.ts';
import type { HashedFiles } from '../boot-configs/checks/image-files.ts';
import { loadManifest } from '../boot-configs/load.ts';
import type { Manifest } from '../boot-configs/manifest.ts';
import { ManifestError } from '../boot-configs/problems.ts';
import { MAXIMUM_BYTES } from '../boot-configs/yaml/limits.ts';
import { Failure, type Input, type Terminal, UsageError } from './command.ts';

/** A manifest and the very bytes that it was read from. */
export interface ManifestSource {
  manifest: Manifest;
  bytes: Uint8Array;
  /** Images that had to be hashed for the checks. */
  hashed: HashedFiles;
}

/** As {@link manifestSource}, for those who do not need the bytes. */
export async function manifestReader(
  input: Input,
  terminal: Terminal,
): Promise<(file: string) => Promise<Manifest>> {
  const read = await manifestSource(input, terminal);
  return async (file) => (await read(file)).manifest;
}

/**
 * Gives a function that reads the manifest FILE or, for `-`, standard input, with the checks that the options ask
 * for. It throws a {@link ManifestError} for whatever is wrong with the manifest.
 */
export async function manifestSource(
  input: Input,
  terminal: Terminal,
): Promise<(file: string) => Promise<ManifestSource>> {
  const hashed: HashedFiles = new Map();
  const checks = await furtherChecks(input, hashed);
  const keyFile = input.values.get('key');
  if (keyFile !== undefined && input.arguments.includes('-')) {
    throw new UsageError(
      'standard input has no signature beside it',
      'name the manifest as a file, or leave --key out',
    );
  }
  const key = keyFile === undefined ? undefined : readKey(keyFile);
  return async (file) => {
    const bytes = file === '-' ? await terminal.read(MAXIMUM_BYTES) : read(file);
    if (key !== undefined) await requireSignature(file, bytes, key);
    const manifest = loadManifest(bytes, sourceName(file), checks);
    return { manifest, bytes, hashed };
  };
}

/** Loaded only where an option may ask for some. */
async function furtherChecks(input: Input, hashed: HashedFiles): Promise<Check[]> {
  if (input.values.size === 0 && !input.flags.has('efi')) return [];
  const { chosenChecks } = await import('./chosen-checks.ts');
  return await chosenChecks(input, hashed);
}

/** What messages call the manifest FILE. */
export function sourceName(file: string): string {
  return file === '-' ? '<stdin>' : file;
}

async function requireSignature(file: string, bytes: Uint8Array, key: Buffer): Promise<void> {
  const { SignatureError, verifyDetachedSignature } = await import('../boot-configs/signature.ts');
  const signature = readOr(`${file}.sig`, (code) =>
    wholeFile(
      file,
      'signature',
      `there is no signature ${file}.sig (${code})`,
      'sign the manifest with openssl, as "domb help validate" shows',
    ),
  );
  try {
    verifyDetachedSignature(bytes, signature, key);
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    throw wholeFile(file, 'signature', error.message, error.hint);
  }
}

function readKey(file: string): Buffer {
  return readOr(
    file,
    (code) => new Failure(`${file}: the key can't be read (${code})`, 'check the name'),
  );
}

function read(file: string): Buffer {
  return readOr(file, (code) =>
    wholeFile(
      file,
      'unreadable',
      `the file can't be read (${code})`,
      code === 'ENOENT' ? 'there is no file of this name' : 'check the file and its permissions',
    ),
  );
}

/**
 * The contents of a file, or of one that is larger than a manifest can be a part that is: devices and pipes may have no end.
 * Throws what `otherwise` makes of the error's code. To load node:fs/promises would take longer than this.
 */
function readOr(file: string, otherwise: (code: string | undefined) => Error): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = Buffer.allocUnsafe(MAXIMUM_BYTES + 1);
    let size = 0;
    for (let read = -1; read !== 0 && size < bytes.length; size += read) {
      read = readSync(descriptor, bytes, size, bytes.length - size, null);
    }
    return bytes.subarray(0, size);
  } catch (error) {
    throw otherwise((error as NodeJS.ErrnoException).code);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function wholeFile(file: string, rule: string, message: string, hint: string): ManifestError {
  return new ManifestError([{ file, line: 1, col: 1, path: '', rule, message, hint, excerpt: '' }]);
}
