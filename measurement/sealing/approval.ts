import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import {
  approvalDigest,
  decodePublic,
  decodeSignature,
  flushContext,
  loadExternal,
  type PcrValues,
  pcrPolicyDigest,
  policyAuthorize,
  publicKey,
  signatureTicket,
  type Tpm,
  verifySignature,
} from 'node-tpm2-pts';
import { approverOf, tpmSignature } from './approver-key.ts';
import { policyReference } from './sealed-policy.ts';
import {
  damaged,
  readHex,
  readLabel,
  readSourceName,
  readStored,
  readStoredValues,
  storedFile,
  storedValues,
} from './stored.ts';

/** The word of a key that secrets may be opened in a state, which they were not sealed to when they were. */
export interface StateApproval {
  readonly source: string;
  readonly values: PcrValues;
  readonly label: string;
  /** TPMT_PUBLIC of the key. */
  readonly approver: Buffer;
  /** TPMT_SIGNATURE over the state's policy and the label. */
  readonly signature: Buffer;
}

const KIND = {
  format: 'domb-approval',
  version: 1,
  names: ['source', 'pcrs', 'label', 'approver', 'signature'],
} as const;

/** Approves a state with a private key. */
export function approve(
  key: KeyObject,
  { source, values, label }: Pick<StateApproval, 'source' | 'values' | 'label'>,
): StateApproval {
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const approver = approverOf(Buffer.from(pem), source);
  return { source, values, label, approver, signature: tpmSignature(key, message(values, label)) };
}

export function approvalFile({ values, approver, signature, ...others }: StateApproval): string {
  return storedFile(KIND.format, KIND.version, {
    ...others,
    pcrs: storedValues(values),
    approver: approver.toString('hex'),
    signature: signature.toString('hex'),
  });
}

/**
 * Reads what {@link approvalFile} wrote. That the key is the one that a secret was sealed to is up to the TPM.
 * @throws {MeasurementError} for anything else, also where the signature is not the key's
 */
export function readApproval(bytes: Uint8Array): StateApproval {
  const { source, pcrs, label, approver, signature } = readStored(bytes, KIND);
  const approval = {
    source: readSourceName(source, 'source'),
    values: readStoredValues(pcrs),
    label: readLabel(label),
    approver: readHex(approver, 'approver'),
    signature: readHex(signature, 'signature'),
  };
  if (!isSigned(approval)) throw damaged('the signature is not that of the key over this state');
  return approval;
}

function isSigned({ values, label, approver, signature }: StateApproval): boolean {
  try {
    const key = publicKey(decodePublic(approver));
    return verifySignature(key, decodeSignature(signature), message(values, label));
  } catch {
    return false;
  }
}

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

/** What is signed: its SHA-256 is the TPM's aHash. TPM 2.0 Library, Part 3, 23.16. */
function message(values: PcrValues, label: string): Buffer {
  return Buffer.concat([pcrPolicyDigest(values), policyReference(label)]);
}
