import type { Attestation } from './commands/attestation.ts';
import { Tpm2Error } from './errors.ts';
import { type CertifyAttest, decodeAttest } from './structures/attest.ts';
import { objectName } from './structures/public.ts';
import { checkSigned, qualifiedName } from './verify-attestation.ts';

/** A certification does not prove what it should; the message says which check failed. */
export class CertifyError extends Tpm2Error {}

/** A key and its place. */
export interface PlacedKey {
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
  /** Qualified name of its parent; for a primary key the four bytes of its hierarchy's handle. */
  readonly parent: Uint8Array;
}

export interface CertifyExpectation {
  /** The attestation key that signed, known to be in the right TPM. */
  readonly ak: PlacedKey;
  /** What must be loaded in the same TPM. */
  readonly object: PlacedKey;
  readonly nonce: Uint8Array;
}

/**
 * Checks without a TPM what TPM2_Certify signed (Part 3, 18.2): the key is a restricted signing key in its place, the signature
 * is its, the nonce is ours, and what it certifies is exactly this object in its place. The TPM had the object whole then,
 * its private part too: of an object with TPMA_OBJECT.FIXED_TPM nobody else has.
 * @throws {CertifyError} when a check fails
 * @throws {TpmFormatError} when a structure is malformed
 */
export function verifyCertify(
  certification: Attestation,
  { ak, object, nonce }: CertifyExpectation,
): CertifyAttest {
  checkSigned(certification, ak.publicArea, refused);
  const { type, ...attest } = decodeAttest(certification.attest);
  if (type !== 'certify' || !('qualifiedName' in attest)) {
    throw refused(`it is of type ${type}`, 'have the object certified by TPM2_Certify');
  }
  if (!attest.extraData.equals(nonce)) {
    throw refused('the nonce is not ours', 'ask for a fresh one: this one may be a replay');
  }
  if (!attest.qualifiedSigner.equals(qualifiedName(ak.parent, ak.publicArea))) {
    throw refused('the signer is not this key in its place', 'was the public area altered?');
  }
  if (!attest.name.equals(objectName(object.publicArea))) {
    throw refused('it is about another object', 'was the public area altered?');
  }
  if (!attest.qualifiedName.equals(qualifiedName(object.parent, object.publicArea))) {
    throw refused('the object is in another place', 'look at hierarchy and parents of the object');
  }
  return attest;
}

function refused(what: string, hint: string): CertifyError {
  return new CertifyError(`certification refused: ${what}`, hint);
}
