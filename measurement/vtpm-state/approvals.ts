import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import {
  decodePublic,
  decodeSignature,
  type HashAlgorithm,
  hashAlgorithms,
  hashById,
  hashId,
  type PcrValues,
  pcrPolicyDigest,
  publicKey,
  Reader,
  verifySignature,
  Writer,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { approverOf, tpmSignature } from '../sealing/approver-key.ts';
import {
  damaged,
  readHex,
  readLabel,
  readSourceName,
  readStored,
  readStoredValues,
  storedFile,
  storedValues,
} from '../sealing/stored.ts';
import { APPROVALS_SIZE, type Approver, approvalReference } from './indexes.ts';

/** The word of a key that the states of guests' TPMs open in a boot that measures this, before its caps. */
export interface VtpmApproval extends Approver {
  readonly source: string;
  readonly values: PcrValues;
  /** TPMT_SIGNATURE over the state's policy and the reference of this use. */
  readonly signature: Buffer;
}

/** One approval as the TPM keeps it: the values are those of the boot that reads it. */
export interface KeptApproval {
  readonly bank: HashAlgorithm;
  /** Ascending. */
  readonly pcrs: readonly number[];
  readonly signature: Buffer;
}

const KIND = {
  format: 'domb-vtpm-approval',
  version: 1,
  names: ['source', 'pcrs', 'label', 'approver', 'signature'],
} as const;

const message = (values: PcrValues, label: string): Buffer =>
  Buffer.concat([pcrPolicyDigest(values), approvalReference(label)]);

/** Approves with a private key. */
export function approveVtpmState(
  key: KeyObject,
  { source, values, label }: Pick<VtpmApproval, 'source' | 'values' | 'label'>,
): VtpmApproval {
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const approver = approverOf(Buffer.from(pem), source);
  return { source, values, label, approver, signature: tpmSignature(key, message(values, label)) };
}

export function vtpmApprovalFile({ values, approver, signature, ...others }: VtpmApproval): string {
  return storedFile(KIND.format, KIND.version, {
    ...others,
    pcrs: storedValues(values),
    approver: approver.toString('hex'),
    signature: signature.toString('hex'),
  });
}

/**
 * Reads what {@link vtpmApprovalFile} wrote.
 * @throws {MeasurementError} for anything else, also where the signature is not the key's
 */
export function readVtpmApproval(bytes: Uint8Array): VtpmApproval {
  const { source, pcrs, label, approver, signature } = readStored(bytes, KIND);
  const approval = {
    source: readSourceName(source, 'source'),
    values: readStoredValues(pcrs),
    label: readLabel(label),
    approver: readHex(approver, 'approver'),
    signature: readHex(signature, 'signature'),
  };
  if (isApproved(approval, approval.values, approval.signature)) return approval;
  throw damaged('the signature is not that of the key over this state');
}

/** Whether the signature is the approver's, over a platform with these values. */
export function isApproved(
  { approver, label }: Approver,
  values: PcrValues,
  signature: Buffer,
): boolean {
  try {
    const key = publicKey(decodePublic(approver));
    return verifySignature(key, decodeSignature(signature), message(values, label));
  } catch {
    return false;
  }
}

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
