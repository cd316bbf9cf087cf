import {
  authorizePolicyDigest,
  commandCodePolicyDigest,
  digest,
  type NvPublic,
  nvName,
  objectName,
  TPMA_NV,
} from 'node-tpm2-pts';

/**
 * NV indexes of the machine's TPM by which the states of guests' TPMs last, in the owner's range (TCG Registry of Reserved TPM 2.0
 * Handles and Localities, 0x01800000 to 0x01bfffff).
 */
export const INDEXES = {
  /** 32 bytes that all states are encrypted under. */
  key: 0x018d0b00,
  /** Signatures of the approver; for anybody to read. */
  approvals: 0x018d0b01,
  /** What tells the newest states from all others. */
  root: 0x018d0b02,
} as const;

/** Whose approval opens the key: a state of the platform that it has signed, for this use and with this label. */
export interface Approver {
  /** TPMT_PUBLIC of the key. */
  readonly approver: Buffer;
  /** What sets approvals apart from those for other platforms of the same key; empty for none. */
  readonly label: string;
}

/** Bytes of the key, and of what the root index holds. */
export const KEY_SIZE = 32;
export const APPROVALS_SIZE = 512;

/**
 * The policyRef: it keeps apart what is approved for this use, which is the state before the caps, from approvals of secrets for
 * dom0, whose policyRef is a label of printable ASCII.
 */
export const approvalReference = (label: string): Buffer =>
  digest('sha256', Buffer.from(`domb vtpm state\0${label}`));

const approvedPolicy = ({ approver, label }: Approver): Buffer =>
  authorizePolicyDigest(objectName(approver), approvalReference(label));

const { AUTH_READ, AUTH_WRITE, EXTEND, NO_DA, OWNER_READ, OWNER_WRITE } = TPMA_NV;
const { POLICY_READ, POLICY_WRITE, WRITTEN } = TPMA_NV;
const common = { nameAlgorithm: 'sha256' } as const;

/**
 * The key's index before it is written. Only the policy reads and writes it, so that nobody but an approved boot has written what is in
 * an index of this form.
 */
export const keyArea = (approver: Approver): NvPublic => ({
  ...{ ...common, index: INDEXES.key, size: KEY_SIZE },
  attributes: POLICY_READ | POLICY_WRITE | NO_DA,
  authPolicy: approvedPolicy(approver),
});

/**
 * The root's index before it is written. Who knows its authorization value reads and extends it; the policy gives it that value,
 * and can do nothing else.
 */
export const rootArea = (approver: Approver): NvPublic => ({
  ...{ ...common, index: INDEXES.root, size: KEY_SIZE },
  attributes: AUTH_READ | AUTH_WRITE | EXTEND | NO_DA,
  authPolicy: commandCodePolicyDigest('NV_ChangeAuth', { before: approvedPolicy(approver) }),
});

/** The index of approvals: dom0 writes it, and can do no harm there, as they are signed. */
export const approvalsArea: NvPublic = {
  ...{ ...common, index: INDEXES.approvals, size: APPROVALS_SIZE },
  attributes: OWNER_READ | OWNER_WRITE | AUTH_READ | NO_DA,
  authPolicy: Buffer.alloc(0),
};

/** What an index is named by from its first write on. */
export const writtenName = (area: NvPublic): Buffer =>
  nvName({ ...area, attributes: area.attributes | WRITTEN });

export const isWritten = ({ attributes }: NvPublic): boolean => (attributes & WRITTEN) !== 0;

/** Whether an index is of this form, written or not. */
export const isOfForm = (found: NvPublic, wanted: NvPublic): boolean =>
  writtenName(found).equals(writtenName(wanted));
