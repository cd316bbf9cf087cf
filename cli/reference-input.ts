import { readFile } from 'node:fs/promises';
import { SignatureError, verifySignature } from '../boot-configs/signature.ts';
import {
  MAX_REFERENCE_SIZE,
  type Reference,
  readReference,
} from '../measurement/evidence/reference.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { Failure, type Input, UsageError } from './command.ts';

/**
 * Reads a reference file. It stands for the images, so somebody must vouch for it: it needs a right signature under --key,
 * unless --allow-unsigned says that the file itself is trusted.
 */
export async function referenceFrom(file: string, { values, flags }: Input): Promise<Reference> {
  const keyFile = values.get('key');
  if (keyFile === undefined && !flags.has('allow-unsigned')) {
    throw new UsageError(
      `nobody vouches for ${file}`,
      'name the public key that it must be signed with (--key), or say that you trust the file (--allow-unsigned)',
    );
  }
  const bytes = await readBounded(file, MAX_REFERENCE_SIZE);
  if (keyFile !== undefined) await requireSignature(file, bytes, keyFile);
  return readReference(bytes);
}

async function requireSignature(file: string, bytes: Buffer, keyFile: string): Promise<void> {
  const key = await readFile(keyFile);
  const signature = await readFile(`${file}.sig`).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(
      `there is no signature ${file}.sig (${error.code})`,
      'sign the reference with openssl, as "domb help verify" shows',
    );
  });
  try {
    verifySignature(bytes, signature, key, 'reference');
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    throw new Failure(`${file}: ${error.message}`, error.hint);
  }
}
