import { digest, type HashAlgorithm } from './algorithms.ts';
import type { Quote } from './commands/attestation.ts';
import type { PcrValues } from './commands/pcr.ts';
import { Tpm2Error } from './errors.ts';
import { decodeQuote, type QuoteAttest } from './structures/attest.ts';
import { checkSigned, qualifiedName } from './verify-attestation.ts';

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

/**
 * Checks a quote without a TPM (Part 1, "Attestation"): the key is a restricted signing key, the signature is its, the
 * nonce is ours, and the quoted PCR digest is that of exactly the expected values.
 *
 * That the key lives in a genuine TPM is not checked here: credential activation or a certificate shows that.
 * @throws {QuoteError} when a check fails
 * @throws {TpmFormatError} when a structure is malformed
 */
export function verifyQuote(quote: Quote, expected: QuoteExpectation): QuoteAttest {
  const { hash } = checkSigned(quote, expected.ak, refused);
  const attest = decodeQuote(quote.attest);
  if (!attest.extraData.equals(expected.nonce)) {
    throw refused('the nonce is not ours', 'ask for a fresh quote: this one may be a replay');
  }
  if (
    expected.parent &&
    !attest.qualifiedSigner.equals(qualifiedName(expected.parent, expected.ak))
  ) {
    throw refused('the signer is not this key in its place', 'was the public area altered?');
  }
  checkPcrs(attest, expected.pcrs, hash);
  return attest;
}

function checkPcrs(attest: QuoteAttest, pcrs: PcrValues, hash: HashAlgorithm): void {
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
