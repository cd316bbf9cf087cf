import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG, TPM_RH } from '../constants.ts';
import { type PcrSelection, writePcrSelections } from '../structures/pcr-selection.ts';
import { akTemplate, type KeyType } from '../templates.ts';
import type { Tpm } from '../tpm.ts';
import { createPrimary, type LoadedObject } from './object.ts';

/** A quote as bytes, in the form in which tpm2_quote writes its files. */
export interface Quote {
  /** TPMS_ATTEST, the signed message. */
  readonly attest: Buffer;
  /** TPMT_SIGNATURE. */
  readonly signature: Buffer;
}

/**
 * An attestation key in the endorsement hierarchy, where a quote shows the reset and restart counters as they are. It is
 * derived from the hierarchy's seed: the same TPM gives the same key until it is cleared by its manufacturer's means.
 */
export function createAk(
  tpm: Tpm,
  type: KeyType = 'ecc-p256',
  authorization: Authorization = password(),
): Promise<LoadedObject> {
  return createPrimary(tpm, TPM_RH.ENDORSEMENT, akTemplate(type), { authorization });
}

/**
 * TPM2_Quote (Part 3, 18.4): signs the digest of the selected PCRs together with `nonce` (at most 64 bytes), in the key's
 * own scheme.
 */
export async function quote(
  tpm: Tpm,
  key: number,
  nonce: Uint8Array,
  selections: readonly PcrSelection[],
  authorization: Authorization = password(),
): Promise<Quote> {
  const parameters = new Writer().sized(nonce).u16(TPM_ALG.NULL);
  writePcrSelections(parameters, selections);
  const response = await tpm.execute({
    command: 'Quote',
    handles: [key],
    authorizations: [authorization],
    parameters,
  });
  const attest = Buffer.from(response.sized('quoted'));
  const signature = Buffer.from(response.rest());
  return { attest, signature };
}
