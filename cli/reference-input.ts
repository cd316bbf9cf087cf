import { SignatureError, verifyDetachedSignature } from '../boot-configs/signature.ts';
import {
  type FirmwareReference,
  readFirmwareReference,
} from '../measurement/evidence/firmware-reference.ts';
import {
  MAX_REFERENCE_SIZE,
  type Reference,
  readReference,
} from '../measurement/evidence/reference.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { Failure, type Input, UsageError } from './command.ts';
import { program } from './program.ts';

/** Bytes; signatures and public keys are smaller. */
const MAX_SIGNATURE_SIZE = 1 << 16;

/** Reads a reference file, which stands for the images, once somebody vouches for it. */
export async function referenceFrom(file: string, input: Input): Promise<Reference> {
  return readReference(await vouchedFor(file, input));
}

/** Reads what was learned of a machine's firmware, once somebody vouches for it. */
export async function firmwareReferenceFrom(
  file: string,
  input: Input,
): Promise<FirmwareReference> {
  return readFirmwareReference(await vouchedFor(file, input));
}

/**
 * The bytes of a file that says what is expected. It needs a right signature under --key, unless --allow-unsigned says that the
 * file itself is trusted.
 */
async function vouchedFor(file: string, { values, flags }: Input): Promise<Buffer> {
  const keyFile = values.get('key');
  if (keyFile === undefined && !flags.has('allow-unsigned')) {
    throw new UsageError(
      `nobody vouches for ${file}`,
      'name the public key that it must be signed with (--key), or say that you trust the file (--allow-unsigned)',
    );
  }
  const bytes = await readBounded(file, MAX_REFERENCE_SIZE);
  if (keyFile !== undefined) await requireSignature(file, bytes, keyFile);
  return bytes;
}

async function requireSignature(file: string, bytes: Buffer, keyFile: string): Promise<void> {
  const key = await readBounded(keyFile, MAX_SIGNATURE_SIZE);
  const signature = await readBounded(`${file}.sig`, MAX_SIGNATURE_SIZE).catch((error) => {
    if (error.code === undefined) throw error;
    throw new Failure(
      `there is no signature ${file}.sig (${error.code})`,
      `sign the reference with openssl, as "${program.name} help predict" shows`,
    );
  });
  try {
    verifyDetachedSignature(bytes, signature, key, 'reference');
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    throw new Failure(`${file}: ${error.message}`, error.hint);
  }
}
