import { type Credential, type EkType, Reader, Tpm2Error, Writer } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';

/** How files of tpm2_makecredential begin: a number of theirs, and the version. */
const MAGIC = 0xbadcc0de;
const VERSION = 1;

/** Bytes; larger than any. */
export const MAX_CHALLENGE_SIZE = 4096;

/** A credential as `tpm2_makecredential` writes and `tpm2_activatecredential` reads it. */
export function encodeCredential({ blob, secret }: Credential): Buffer {
  return new Writer().u32(MAGIC).u32(VERSION).sized(blob).sized(secret).toBuffer();
}

/** @throws {MeasurementError} for anything else */
export function decodeCredential(bytes: Uint8Array): Credential {
  try {
    const from = new Reader(bytes, 'challenge');
    const known = from.u32('magic') === MAGIC && from.u32('version') === VERSION;
    if (!known) throw from.error('it does not begin like one');
    const credential = { blob: from.sized('credential'), secret: from.sized('secret') };
    from.end();
    return credential;
  } catch (error) {
    if (!(error instanceof Tpm2Error)) throw error;
    throw notAChallenge(error.message);
  }
}

/**
 * For which endorsement key a credential is: RSA encrypts the seed to as many bytes as the key has, for ECC it is a point with
 * coordinates of the curve's size. TPM 2.0 Library, Part 1, B.10.4 and C.6.4.
 */
export function challengedKey({ secret }: Credential): EkType {
  if (secret.length === 256) return 'rsa-2048';
  try {
    const from = new Reader(secret, 'challenge');
    const [x, y] = [from.sized('x', 48), from.sized('y', 48)];
    from.end();
    return Math.max(x.length, y.length) > 32 ? 'ecc-p384' : 'ecc-p256';
  } catch (error) {
    if (!(error instanceof Tpm2Error)) throw error;
    throw notAChallenge('it is for no endorsement key of RSA 2048, P-256 or P-384');
  }
}

function notAChallenge(what: string): MeasurementError {
  return new MeasurementError(
    `not a challenge: ${what}`,
    'fetch the file again that "domb enroll challenge" wrote for this platform',
  );
}
