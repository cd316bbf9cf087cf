import { digest } from './algorithms.ts';
import { attestationKeyProblem } from './attestation-key-check.ts';
import type { Attestation } from './commands/attestation.ts';
import type { Tpm2Error } from './errors.ts';
import { decodePublic, objectName, type SigningScheme } from './structures/public.ts';
import { publicKey } from './structures/public-key.ts';
import { decodeSignature, verifySignature } from './structures/signature.ts';

/** Makes the error of a check that failed. */
export type MakeRefusal = (what: string, hint: string) => Tpm2Error;

/**
 * Checks what all attestations have in common (Part 1, "Attestation"): the key is a restricted signing key with a strong
 * scheme, and the signature is its.
 * @param ak TPMT_PUBLIC
 * @returns the key's scheme
 */
export function checkSigned(
  { attest, signature: bytes }: Attestation,
  ak: Uint8Array,
  refused: MakeRefusal,
): SigningScheme {
  const area = decodePublic(ak);
  const problem = attestationKeyProblem(area);
  if (problem) throw refused(problem.what, problem.hint);
  const { signing } = area.key as { signing: SigningScheme };
  const signature = decodeSignature(bytes);
  if (signature.scheme !== signing.scheme || signature.hash !== signing.hash) {
    throw refused('the signature is of another scheme than the key', 'was it altered?');
  }
  if (!verifySignature(publicKey(area), signature, attest)) {
    throw refused('the signature does not match', 'it was altered or made by another key');
  }
  return signing;
}

/**
 * The qualified name of the object `publicArea`: nameAlg, then the hash of the parent's qualified name and the object's name.
 * Part 1, "Names".
 * @param parent qualified name of the parent; for a primary key the four bytes of its hierarchy's handle
 */
export function qualifiedName(parent: Uint8Array, publicArea: Uint8Array): Buffer {
  const name = objectName(publicArea);
  const { nameAlgorithm } = decodePublic(publicArea);
  return Buffer.concat([name.subarray(0, 2), digest(nameAlgorithm, parent, name)]);
}
