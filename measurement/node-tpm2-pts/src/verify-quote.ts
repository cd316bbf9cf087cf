import { digest } from './algorithms.ts';
import type { Quote } from './commands/attestation.ts';
import type { PcrValues } from './commands/pcr.ts';
import { TPMA_OBJECT } from './constants.ts';
import { Tpm2Error } from './errors.ts';
import { decodeQuote, type QuoteAttest } from './structures/attest.ts';
import { decodePublic, objectName, type SigningScheme } from './structures/public.ts';
import { publicKey } from './structures/public-key.ts';
import { decodeSignature, verifySignature } from './structures/signature.ts';

/** A quote does not prove what it should; the message says which check failed. */
export class QuoteError extends Tpm2Error {}

export interface QuoteExpectation {
  /** TPMT_PUBLIC of the attestation key, known to be in the right TPM. */
  readonly ak: Uint8Array;
  readonly nonce: Uint8Array;
  /**
   * Qualified name of the AK's parent; for a primary key the four bytes of its hierarchy's handle. With it every bit of
   * `ak` is authenticated, not only the key in it.
   */
  readonly parent?: Uint8Array;
  /** The PCR values that the quote must be about: these and no others. */
  readonly pcrs: PcrValues;
}

/** What makes a key an attestation key: it is the TPM's own, never left it, and signs only what the TPM made. */
const REQUIRED =
  TPMA_OBJECT.FIXED_TPM |
  TPMA_OBJECT.FIXED_PARENT |
  TPMA_OBJECT.SENSITIVE_DATA_ORIGIN |
  TPMA_OBJECT.RESTRICTED |
  TPMA_OBJECT.SIGN;

const MIN_RSA_BITS = 2048;

/**
 * Checks a quote without a TPM (Part 1, "Attestation"): the key is a restricted signing key, the signature is its, the
 * nonce is ours, and the quoted PCR digest is that of exactly the expected values.
 *
 * That the key lives in a genuine TPM is not checked here: credential activation or a certificate shows that.
 * @throws {QuoteError} when a check fails
 * @throws {TpmFormatError} when a structure is malformed
 */
export function verifyQuote(quote: Quote, expected: QuoteExpectation): QuoteAttest {
  const area = decodePublic(expected.ak);
  if ((area.attributes & REQUIRED) !== REQUIRED || area.attributes & TPMA_OBJECT.DECRYPT) {
    throw refused('the key is no restricted signing key of a TPM', 'quote with an attestation key');
  }
  const { signing } = area.key as { signing?: SigningScheme };
  const signature = decodeSignature(quote.signature);
  if (signing === undefined || signing.hash === 'sha1') {
    throw refused(
      'the key has no fixed, strong signing scheme',
      'use ECDSA or RSASSA with SHA-256',
    );
  }
  if (signature.scheme !== signing.scheme || signature.hash !== signing.hash) {
    throw refused('the signature is of another scheme than the key', 'was the quote altered?');
  }
  const key = publicKey(area);
  if ((key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) {
    throw refused(`the RSA key has fewer than ${MIN_RSA_BITS} bits`, 'use a larger key or ECDSA');
  }
  if (!verifySignature(key, signature, quote.attest)) {
    throw refused('the signature does not match', 'the quote was altered or made by another key');
  }
  const attest = decodeQuote(quote.attest);
  if (!attest.extraData.equals(expected.nonce)) {
    throw refused('the nonce is not ours', 'ask for a fresh quote: this one may be a replay');
  }
  if (expected.parent && !attest.qualifiedSigner.equals(qualified(expected.parent, expected.ak))) {
    throw refused('the signer is not this key in its place', 'was the public area altered?');
  }
  checkPcrs(attest, expected.pcrs, signing);
  return attest;
}

/** A qualified name: nameAlg, then the hash of the parent's qualified name and the object's name. Part 1, "Names". */
function qualified(parent: Uint8Array, publicArea: Uint8Array): Buffer {
  const name = objectName(publicArea);
  const { nameAlgorithm } = decodePublic(publicArea);
  return Buffer.concat([name.subarray(0, 2), digest(nameAlgorithm, parent, name)]);
}

function checkPcrs(attest: QuoteAttest, pcrs: PcrValues, { hash }: SigningScheme): void {
  const quoted = attest.selections.flatMap(({ bank, pcrs: numbers }) =>
    numbers.map((pcr) => ({ name: `${bank}:${pcr}`, value: pcrs.get(bank)?.get(pcr) })),
  );
  const names = new Set(quoted.map(({ name }) => name));
  const wanted = [...pcrs].flatMap(([bank, values]) =>
    [...values.keys()].map((pcr) => `${bank}:${pcr}`),
  );
  if (wanted.length === 0) throw refused('no PCR was to be compared', 'say which values to expect');
  const missing = wanted.filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw refused(`not quoted: ${missing.join(' ')}`, 'quote all PCRs that are to be compared');
  }
  const values = quoted.map(({ name, value }) => {
    if (value) return value;
    throw refused(`quoted, but no value to compare: ${name}`, 'give the values of all quoted PCRs');
  });
  if (!digest(hash, ...values).equals(attest.pcrDigest)) {
    throw refused('the quoted PCR values differ from the expected ones', 'compare the event log');
  }
}

function refused(what: string, hint: string): QuoteError {
  return new QuoteError(`quote refused: ${what}`, hint);
}
