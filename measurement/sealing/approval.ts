import type { KeyObject } from 'node:crypto';
import {
  approvalDigest,
  flushContext,
  loadExternal,
  pcrPolicyDigest,
  policyAuthorize,
  signatureTicket,
  type Tpm,
} from 'node-tpm2-pts';
import { policyReference } from './sealed-policy.ts';
import {
  type ApprovalKind,
  readSignedApproval,
  type SignedApproval,
  signApproval,
  signedApprovalFile,
} from './signed-approval.ts';

/** The word of a key that secrets may be opened in a state, which they were not sealed to when they were. */
export type StateApproval = SignedApproval;

const kind: ApprovalKind = { format: 'domb-approval', reference: policyReference };

/** Approves a state with a private key. */
export const approve = (
  key: KeyObject,
  state: Pick<StateApproval, 'source' | 'values' | 'label'>,
): StateApproval => signApproval(kind, key, state);

export const approvalFile = (approval: StateApproval): string => signedApprovalFile(kind, approval);

/**
 * Reads what {@link approvalFile} wrote. That the key is the one that a secret was sealed to is up to the TPM.
 * @throws {MeasurementError} for anything else, also where the signature is not the key's
 */
export const readApproval = (bytes: Uint8Array): StateApproval => readSignedApproval(kind, bytes);

/** A policy that a key has signed, together with a reference. */
export interface SignedPolicy {
  readonly policy: Buffer;
  readonly policyRef: Buffer;
  /** TPMT_PUBLIC of the key. */
  readonly approver: Buffer;
  /** TPMT_SIGNATURE over both. */
  readonly signature: Buffer;
}

/** Lets a policy session that has reached the approved state go on as PolicyAuthorize demands. */
export function usePolicyApproval(
  tpm: Tpm,
  session: number,
  { values, label, approver, signature }: StateApproval,
): Promise<void> {
  const signed = { policy: pcrPolicyDigest(values), policyRef: policyReference(label) };
  return authorizePolicy(tpm, session, { ...signed, approver, signature });
}

/** Lets a policy session that has reached the signed policy go on as PolicyAuthorize demands. */
export async function authorizePolicy(
  tpm: Tpm,
  session: number,
  { policy, policyRef, approver, signature }: SignedPolicy,
): Promise<void> {
  const { handle, name: keyName } = await loadExternal(tpm, approver);
  try {
    const ticket = await signatureTicket(tpm, handle, approvalDigest(policy, policyRef), signature);
    await policyAuthorize(tpm, session, { policy, policyRef, keyName, ticket });
  } finally {
    await flushContext(tpm, handle);
  }
}
