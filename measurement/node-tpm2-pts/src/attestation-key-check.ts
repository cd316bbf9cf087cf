import { TPMA_OBJECT } from './constants.ts';
import type { PublicArea } from './structures/public.ts';
import { publicKey } from './structures/public-key.ts';

/** What makes a key an attestation key: it is the TPM's own, never left it, and signs only what the TPM made. */
const REQUIRED =
  TPMA_OBJECT.FIXED_TPM |
  TPMA_OBJECT.FIXED_PARENT |
  TPMA_OBJECT.SENSITIVE_DATA_ORIGIN |
  TPMA_OBJECT.RESTRICTED |
  TPMA_OBJECT.SIGN;

const MIN_RSA_BITS = 2048;

/** Why a key does not attest, and what to do. */
export interface KeyProblem {
  readonly what: string;
  readonly hint: string;
}

/**
 * What keeps a key from being one whose signatures attest (Part 1, "Attestation"); undefined when it is one. That it is in a TPM
 * at all is not seen here: its public area only says so.
 * @throws {TpmFormatError} for a point that is not on its curve
 */
export function attestationKeyProblem(area: PublicArea): KeyProblem | undefined {
  const { attributes, key } = area;
  if ((attributes & REQUIRED) !== REQUIRED || attributes & TPMA_OBJECT.DECRYPT) {
    return {
      what: 'the key is no restricted signing key of a TPM',
      hint: 'have an attestation key sign it',
    };
  }
  if (key.type === 'keyedhash' || key.signing === undefined || key.signing.hash === 'sha1') {
    return {
      what: 'the key has no fixed, strong signing scheme',
      hint: 'use ECDSA or RSASSA with SHA-256',
    };
  }
  const { modulusLength = MIN_RSA_BITS } = publicKey(area).asymmetricKeyDetails ?? {};
  if (modulusLength >= MIN_RSA_BITS) return undefined;
  return {
    what: `the RSA key has fewer than ${MIN_RSA_BITS} bits`,
    hint: 'use a larger key or ECDSA',
  };
}
