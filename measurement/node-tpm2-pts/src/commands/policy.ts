import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { COMMAND_CODES, type CommandName } from '../command-codes.ts';
import { checkBranches, type NvComparison, nvOperands } from '../policy-digest.ts';
import { type PcrSelection, writePcrSelections } from '../structures/pcr-selection.ts';
import { readTicket, type Ticket, writeTicket } from '../structures/ticket.ts';
import type { Tpm } from '../tpm.ts';

const NONE = Buffer.alloc(0);

/**
 * TPM2_PolicyPCR (Part 3, 23.7): the selected PCRs must have their present values. With `expected`, the digest of values
 * that the caller demands, the command fails when they differ.
 */
export async function policyPcr(
  tpm: Tpm,
  session: number,
  selections: readonly PcrSelection[],
  expected: Uint8Array = NONE,
): Promise<void> {
  const parameters = new Writer().sized(expected);
  writePcrSelections(parameters, selections);
  (await tpm.execute({ command: 'PolicyPCR', handles: [session], parameters })).end();
}

/** TPM2_PolicySecret (Part 3, 23.4): the caller must know the authorization of `entity`, for example TPM_RH.ENDORSEMENT. */
export async function policySecret(
  tpm: Tpm,
  session: number,
  entity: number,
  authorization: Authorization = password(),
): Promise<void> {
  const response = await tpm.execute({
    command: 'PolicySecret',
    handles: [entity, session],
    authorizations: [authorization],
    // nonceTPM, cpHashA, policyRef, expiration: bound to nothing, never expires.
    parameters: new Writer().sized(NONE).sized(NONE).sized(NONE).u32(0),
  });
  response.sized('timeout', 8);
  readTicket(response);
  response.end();
}

/** TPM2_PolicyOR (Part 3, 23.6): the session must have reached one of these 2 to 8 policies, and stands for all of them. */
export async function policyOr(
  tpm: Tpm,
  session: number,
  branches: readonly Uint8Array[],
): Promise<void> {
  checkBranches(branches);
  const parameters = new Writer().list(branches, (branch, to) => to.sized(branch));
  (await tpm.execute({ command: 'PolicyOR', handles: [session], parameters })).end();
}

export interface Approval {
  /** The policy that was approved, which the session must have reached. */
  readonly policy: Uint8Array;
  readonly policyRef?: Uint8Array;
  /** Name of the key that approved it. */
  readonly keyName: Uint8Array;
  /** The TPM's word that the key's signature over `approvalDigest` is right: `signatureTicket`. */
  readonly ticket: Ticket;
}

/** TPM2_PolicyAuthorize (Part 3, 23.16): the session's policy was approved by a key. */
export async function policyAuthorize(
  tpm: Tpm,
  session: number,
  { policy, policyRef = NONE, keyName, ticket }: Approval,
): Promise<void> {
  const parameters = new Writer().sized(policy).sized(policyRef).sized(keyName);
  writeTicket(parameters, ticket);
  (await tpm.execute({ command: 'PolicyAuthorize', handles: [session], parameters })).end();
}

/**
 * TPM2_PolicyNV (Part 3, 23.9): the data of an NV index compares so.
 * @throws {TpmError} TPM_RC_POLICY when it does not
 */
export async function policyNv(
  tpm: Tpm,
  session: number,
  index: number,
  comparison: NvComparison,
  access: { by?: number; authorization?: Authorization } = {},
): Promise<void> {
  const { operand, offset, operation } = nvOperands(comparison);
  const response = await tpm.execute({
    command: 'PolicyNV',
    handles: [access.by ?? index, index, session],
    authorizations: [access.authorization ?? password()],
    parameters: new Writer().sized(operand).u16(offset).u16(operation),
  });
  response.end();
}

/** TPM2_PolicyAuthValue (Part 3, 23.17): the object's password must be proven by an HMAC where the session is used. */
export async function policyAuthValue(tpm: Tpm, session: number): Promise<void> {
  (await tpm.execute({ command: 'PolicyAuthValue', handles: [session] })).end();
}

/** TPM2_PolicyCommandCode (Part 3, 23.11): the session authorizes this command and no other. */
export async function policyCommandCode(
  tpm: Tpm,
  session: number,
  command: CommandName,
): Promise<void> {
  const parameters = new Writer().u32(COMMAND_CODES[command]);
  (await tpm.execute({ command: 'PolicyCommandCode', handles: [session], parameters })).end();
}

/** TPM2_PolicyGetDigest (Part 3, 23.6): the policy digest that the session has reached. */
export async function policyGetDigest(tpm: Tpm, session: number): Promise<Buffer> {
  const response = await tpm.execute({ command: 'PolicyGetDigest', handles: [session] });
  const policyDigest = Buffer.from(response.sized('policyDigest', 64));
  response.end();
  return policyDigest;
}
