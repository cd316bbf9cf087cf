import { hashId } from '../algorithms.ts';
import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG, TPM_RH, TPM_ST } from '../constants.ts';
import { type SigningScheme, schemeId } from '../structures/public.ts';
import { readTicket, type Ticket, writeTicket } from '../structures/ticket.ts';
import type { Tpm } from '../tpm.ts';

export interface SignOptions {
  /** Authorizes the key. Default: the empty password. */
  authorization?: Authorization;
  /** For keys that have no scheme of their own. */
  scheme?: SigningScheme;
  /** From TPM2_Hash: a restricted key signs only what the TPM has hashed itself. */
  hashCheck?: Ticket;
}

const UNCHECKED: Ticket = {
  tag: TPM_ST.HASHCHECK,
  hierarchy: TPM_RH.NULL,
  digest: Buffer.alloc(0),
};

/** TPM2_Sign (Part 3, 20.2): signs a digest. Returns the TPMT_SIGNATURE, for `decodeSignature`. */
export async function sign(
  tpm: Tpm,
  key: number,
  digest: Uint8Array,
  options: SignOptions = {},
): Promise<Buffer> {
  const parameters = new Writer().sized(digest);
  const { scheme } = options;
  if (scheme) parameters.u16(schemeId(scheme.scheme)).u16(hashId(scheme.hash));
  else parameters.u16(TPM_ALG.NULL);
  writeTicket(parameters, options.hashCheck ?? UNCHECKED);
  const response = await tpm.execute({
    command: 'Sign',
    handles: [key],
    authorizations: [options.authorization ?? password()],
    parameters,
  });
  return Buffer.from(response.rest());
}

/**
 * TPM2_VerifySignature (Part 3, 20.1): the TPM checks a TPMT_SIGNATURE over `digest` and gives a ticket that says so, for
 * PolicyAuthorize. Without a TPM, `verifySignature` checks it.
 * @throws {TpmError} TPM_RC_SIGNATURE when it is not this key's
 */
export async function signatureTicket(
  tpm: Tpm,
  key: number,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<Ticket> {
  const response = await tpm.execute({
    command: 'VerifySignature',
    handles: [key],
    parameters: new Writer().sized(digest).bytes(signature),
  });
  const ticket = readTicket(response);
  response.end();
  return ticket;
}
