import { type Authorization, password } from '../authorization.ts';
import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG, TPM_RH } from '../constants.ts';
import { type PcrSelection, writePcrSelections } from '../structures/pcr-selection.ts';
import { akTemplate, type KeyType } from '../templates.ts';
import type { Tpm } from '../tpm.ts';
import { createPrimary, type LoadedObject } from './object.ts';

/** What an attestation key signed, as bytes, in the form in which tpm2_quote and tpm2_certify write their files. */
export interface Attestation {
  /** TPMS_ATTEST, the signed message. */
  readonly attest: Buffer;
  /** TPMT_SIGNATURE. */
  readonly signature: Buffer;
}

/** An attestation of PCRs. */
export type Quote = Attestation;

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
  return readAttestation(response);
}

export interface CertifyOptions {
  /** Authorizes the signing key. Default: the empty password. */
  signer?: Authorization;
  /** Authorizes what is certified: the object, the NV index or the endorsement hierarchy. Default: the empty password. */
  subject?: Authorization;
}

/** TPM2_Certify (Part 3, 18.2): `key` signs that `object` is loaded in this TPM, by its name, with `nonce`. */
export async function certify(
  tpm: Tpm,
  object: number,
  key: number,
  nonce: Uint8Array,
  options: CertifyOptions = {},
): Promise<Attestation> {
  const response = await tpm.execute({
    command: 'Certify',
    handles: [object, key],
    authorizations: [options.subject ?? password(), options.signer ?? password()],
    parameters: new Writer().sized(nonce).u16(TPM_ALG.NULL),
  });
  return readAttestation(response);
}

/**
 * TPM2_NV_Certify (Part 3, 31.16): `key` signs `size` bytes of an NV index from `offset`, with the index's name.
 * @param range at most as much as one NV_Read carries: TPM_PT_NV_BUFFER_MAX
 */
export async function nvCertify(
  tpm: Tpm,
  index: number,
  key: number,
  nonce: Uint8Array,
  range: { offset?: number; size: number },
  options: CertifyOptions & { by?: number } = {},
): Promise<Attestation> {
  const response = await tpm.execute({
    command: 'NV_Certify',
    handles: [key, options.by ?? index, index],
    authorizations: [options.signer ?? password(), options.subject ?? password()],
    parameters: new Writer()
      .sized(nonce)
      .u16(TPM_ALG.NULL)
      .u16(range.size)
      .u16(range.offset ?? 0),
  });
  return readAttestation(response);
}

/** TPM2_GetTime (Part 3, 18.7): `key` signs the TPM's time and clock, with `nonce`. */
export async function getTime(
  tpm: Tpm,
  key: number,
  nonce: Uint8Array,
  options: CertifyOptions = {},
): Promise<Attestation> {
  const response = await tpm.execute({
    command: 'GetTime',
    handles: [TPM_RH.ENDORSEMENT, key],
    authorizations: [options.subject ?? password(), options.signer ?? password()],
    parameters: new Writer().sized(nonce).u16(TPM_ALG.NULL),
  });
  return readAttestation(response);
}

function readAttestation(from: Reader): Attestation {
  const attest = Buffer.from(from.sized('attest'));
  return { attest, signature: Buffer.from(from.rest()) };
}
