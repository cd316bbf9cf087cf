import type { KeyObject } from 'node:crypto';
import {
  type HashAlgorithm,
  hashAlgorithms,
  hashById,
  hashId,
  type PcrValues,
  Reader,
  Writer,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import {
  type ApprovalKind,
  isSigned,
  readSignedApproval,
  type SignedApproval,
  signApproval,
  signedApprovalFile,
} from '../sealing/signed-approval.ts';
import { APPROVALS_SIZE, type Approver, approvalReference } from './indexes.ts';

/** The word of a key that the states of guests' TPMs open in a boot that measures this, before its caps. */
export type VtpmApproval = SignedApproval;

/** One approval as the TPM keeps it: the values are those of the boot that reads it. */
export interface KeptApproval {
  readonly bank: HashAlgorithm;
  /** Ascending. */
  readonly pcrs: readonly number[];
  readonly signature: Buffer;
}

const kind: ApprovalKind = { format: 'domb-vtpm-approval', reference: approvalReference };

/** Approves with a private key. */
export const approveVtpmState = (
  key: KeyObject,
  state: Pick<VtpmApproval, 'source' | 'values' | 'label'>,
): VtpmApproval => signApproval(kind, key, state);

export const vtpmApprovalFile = (approval: VtpmApproval): string =>
  signedApprovalFile(kind, approval);

/**
 * Reads what {@link vtpmApprovalFile} wrote.
 * @throws {MeasurementError} for anything else, also where the signature is not the key's
 */
export const readVtpmApproval = (bytes: Uint8Array): VtpmApproval =>
  readSignedApproval(kind, bytes);

/** Whether the signature is the approver's, over a platform with these values. */
export const isApproved = (
  { approver, label }: Approver,
  values: PcrValues,
  signature: Buffer,
): boolean => isSigned(kind, { approver, label, values, signature });

/** As an approval is kept. */
export function keptApproval({ values, signature }: VtpmApproval): KeptApproval {
  const [[bank, byPcr] = [], ...others] = values;
  if (bank === undefined || byPcr === undefined || others.length > 0) {
    throw new Error('an approval is of one bank');
  }
  return { bank, pcrs: [...byPcr.keys()].sort((a, b) => a - b), signature };
}

const VERSION = 1;

/**
 * The data of the index of approvals, the newest first: version, number, then of each its bank (TPM_ALG_ID), its registers (a bit
 * each, 32 bits) and its signature with a size; the rest is zeros. Of those that find no room the oldest go.
 */
export function keptApprovals(approvals: readonly KeptApproval[]): Buffer {
  const written = approvals.map(({ bank, pcrs, signature }) => {
    const mask = pcrs.reduce((bits, pcr) => bits | (1 << pcr), 0) >>> 0;
    return new Writer().u16(hashId(bank)).u32(mask).sized(signature).toBuffer();
  });
  let size = 2;
  const room = written.filter((one) => {
    size += one.length;
    return size <= APPROVALS_SIZE;
  });
  if (room.length === 0) {
    throw new MeasurementError(
      'no approval finds room in the TPM: the signatures are too long',
      'approve with a key of NIST P-256',
    );
  }
  const data = Buffer.concat([Buffer.of(VERSION, room.length), ...room]);
  return Buffer.concat([data, Buffer.alloc(APPROVALS_SIZE - data.length)]);
}

/** Reads {@link keptApprovals}. Anybody may have written it: none for what is nothing of ours. */
export function readKeptApprovals(data: Buffer): KeptApproval[] {
  try {
    const from = new Reader(data, 'approvals');
    if (from.u8('version') !== VERSION) return [];
    return Array.from({ length: from.u8('number') }, () => {
      const bank = hashById(from.u16('bank'));
      const mask = from.u32('registers');
      const signature = Buffer.from(from.sized('signature', APPROVALS_SIZE));
      const pcrs = Array.from({ length: 24 }, (_, pcr) => pcr).filter((pcr) => mask & (1 << pcr));
      if (bank === undefined || !hashAlgorithms.includes(bank) || pcrs.length === 0) {
        throw new Error('no approval');
      }
      return { bank, pcrs, signature };
    });
  } catch {
    return [];
  }
}
