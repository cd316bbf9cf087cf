import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import {
  decodePublic,
  decodeSignature,
  type PcrValues,
  pcrPolicyDigest,
  publicKey,
  verifySignature,
} from 'node-tpm2-pts';
import { approverOf, tpmSignature } from './approver-key.ts';
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

/** The word of a key about a state of a platform. What for, its kind says. */
export interface SignedApproval {
  readonly source: string;
  readonly values: PcrValues;
  readonly label: string;
  /** TPMT_PUBLIC of the key. */
  readonly approver: Buffer;
  /** TPMT_SIGNATURE over the state's policy and the reference. */
  readonly signature: Buffer;
}

/** One use of approvals. An approval of one is none of another, as both file and signature differ. */
export interface ApprovalKind {
  /** Of the file. */
  readonly format: string;
  /** The policyRef of PolicyAuthorize, by label. */
  readonly reference: (label: string) => Buffer;
}

const VERSION = 1;
const names = ['source', 'pcrs', 'label', 'approver', 'signature'] as const;

/** Approves a state with a private key. */
export function signApproval(
  kind: ApprovalKind,
  key: KeyObject,
  { source, values, label }: Pick<SignedApproval, 'source' | 'values' | 'label'>,
): SignedApproval {
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const approver = approverOf(Buffer.from(pem), source);
  const signature = tpmSignature(key, message(kind, values, label));
  return { source, values, label, approver, signature };
}

export function signedApprovalFile(
  { format }: ApprovalKind,
  { values, approver, signature, ...others }: SignedApproval,
): string {
  return storedFile(format, VERSION, {
    ...others,
    pcrs: storedValues(values),
    approver: approver.toString('hex'),
    signature: signature.toString('hex'),
  });
}

/**
 * Reads what {@link signedApprovalFile} wrote.
 * @throws {MeasurementError} for anything else, also where the signature is not the key's
 */
export function readSignedApproval(kind: ApprovalKind, bytes: Uint8Array): SignedApproval {
  const { source, pcrs, label, approver, signature } = readStored(bytes, {
    ...{ format: kind.format, version: VERSION, names },
  });
  const approval = {
    source: readSourceName(source, 'source'),
    values: readStoredValues(pcrs),
    label: readLabel(label),
    approver: readHex(approver, 'approver'),
    signature: readHex(signature, 'signature'),
  };
  if (isSigned(kind, approval)) return approval;
  throw damaged('the signature is not that of the key over this state');
}

/** Whether the signature is the approver's, over a platform with these values. */
export function isSigned(
  kind: ApprovalKind,
  { values, label, approver, signature }: Omit<SignedApproval, 'source'>,
): boolean {
  try {
    const key = publicKey(decodePublic(approver));
    return verifySignature(key, decodeSignature(signature), message(kind, values, label));
  } catch {
    return false;
  }
}

/** What is signed: its SHA-256 is the TPM's aHash. TPM 2.0 Library, Part 3, 23.16. */
function message({ reference }: ApprovalKind, values: PcrValues, label: string): Buffer {
  return Buffer.concat([pcrPolicyDigest(values), reference(label)]);
}
