import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { type PcrSelection, writePcrSelections } from '../structures/pcr-selection.ts';
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
  response.u16('ticket tag');
  response.u32('ticket hierarchy');
  response.sized('ticket digest', 64);
  response.end();
}

/** TPM2_PolicyGetDigest (Part 3, 23.6): the policy digest that the session has reached. */
export async function policyGetDigest(tpm: Tpm, session: number): Promise<Buffer> {
  const response = await tpm.execute({ command: 'PolicyGetDigest', handles: [session] });
  const policyDigest = Buffer.from(response.sized('policyDigest', 64));
  response.end();
  return policyDigest;
}
