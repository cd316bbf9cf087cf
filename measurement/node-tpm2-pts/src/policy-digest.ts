import { digest, type HashAlgorithm, hashSize } from './algorithms.ts';
import { Writer } from './codec/writer.ts';
import { COMMAND_CODES, type CommandName } from './command-codes.ts';
import type { PcrValues } from './commands/pcr.ts';
import { type PcrSelection, writePcrSelections } from './structures/pcr-selection.ts';

const NONE = Buffer.alloc(0);

/** The PCRs that `values` has values of, banks in its order, PCRs ascending: the order in which a TPM hashes them. */
export function selectionOf(values: PcrValues): PcrSelection[] {
  return [...values].map(([bank, pcrs]) => ({
    bank,
    pcrs: [...pcrs.keys()].sort((a, b) => a - b),
  }));
}

/** The digest of PCR values that quotes sign and policies demand. Part 1, "Selecting multiple PCR". */
export function pcrDigest(values: PcrValues, hash: HashAlgorithm = 'sha256'): Buffer {
  const flat = selectionOf(values).flatMap(({ bank, pcrs }) =>
    pcrs.map((pcr) => values.get(bank)?.get(pcr) as Buffer),
  );
  return digest(hash, ...flat);
}

/** Where a policy begins, for what extends it. */
export interface PolicyStart {
  /** The policy session's hash, and the name algorithm of the object. Default: sha256. */
  readonly hash?: HashAlgorithm;
  /** The digest reached so far: what else must hold. Default: nothing, zeros. */
  readonly before?: Buffer;
}

/**
 * The policy digest that TPM2_PolicyPCR makes of these values, computed without a TPM: data can be sealed to a platform
 * state that was predicted and has not been reached yet. TPM 2.0 Library, Part 3, 23.7.
 */
export function pcrPolicyDigest(
  values: PcrValues,
  hash: HashAlgorithm = 'sha256',
  before?: Buffer,
): Buffer {
  const command = new Writer().u32(COMMAND_CODES.PolicyPCR);
  writePcrSelections(command, selectionOf(values));
  return digest(hash, start({ hash, before }), command.toBuffer(), pcrDigest(values, hash));
}

/**
 * The policy digest of TPM2_PolicyOR: any one of 2 to 8 policies holds. It stands for them whole; nothing before it counts.
 * Part 3, 23.6.
 */
export function orPolicyDigest(
  branches: readonly Buffer[],
  hash: HashAlgorithm = 'sha256',
): Buffer {
  checkBranches(branches);
  if (branches.some((branch) => branch.length !== hashSize(hash))) {
    throw new RangeError(`a policy of PolicyOR has not the ${hashSize(hash)} bytes of ${hash}`);
  }
  return digest(hash, start({ hash }), code('PolicyOR'), ...branches);
}

/** @throws {RangeError} for other than 2 to 8 branches. Part 3, 23.6: TPML_DIGEST. */
export function checkBranches(branches: readonly Uint8Array[]): void {
  if (branches.length < 2 || branches.length > 8) {
    throw new RangeError(
      `PolicyOR of ${branches.length} policies: 2 to 8 are possible, or PolicyOR of PolicyORs`,
    );
  }
}

/**
 * The policy digest of TPM2_PolicyAuthorize: any policy holds that the key named `keyName` has signed together with
 * `policyRef`, also later. Part 3, 23.16.
 */
export function authorizePolicyDigest(
  keyName: Buffer,
  policyRef: Buffer = NONE,
  hash: HashAlgorithm = 'sha256',
): Buffer {
  return updated(hash, start({ hash }), 'PolicyAuthorize', keyName, policyRef);
}

/**
 * What the key of a PolicyAuthorize signs to approve `policy`: the digest that TPM2_Sign and `signatureTicket` take, of
 * the concatenation of policy and policyRef. Part 3, 23.16.
 * @param keyHash name algorithm of the signing key
 */
export function approvalDigest(
  policy: Buffer,
  policyRef: Buffer = NONE,
  keyHash: HashAlgorithm = 'sha256',
): Buffer {
  return digest(keyHash, policy, policyRef);
}

/** The policy digest of TPM2_PolicySecret for the entity named `entityName`; a hierarchy's name is its handle. Part 3, 23.4. */
export function secretPolicyDigest(
  entityName: Buffer,
  policyRef: Buffer = NONE,
  from: PolicyStart = {},
): Buffer {
  return updated(from.hash ?? 'sha256', start(from), 'PolicySecret', entityName, policyRef);
}

/** A comparison of NV data with `operand`, at `offset`. Part 3, 23.9. */
export interface NvComparison {
  readonly operation: NvOperation;
  readonly operand: Buffer;
  readonly offset?: number;
}

/** How the data (left) is compared with the operand (right), named as tpm2_policynv does: s is signed, u unsigned. */
export type NvOperation = keyof typeof OPERATIONS;

/** TPM_EO. Part 2, 6.8. */
const OPERATIONS = {
  ...{ eq: 0, neq: 1, sgt: 2, ugt: 3, slt: 4, ult: 5 },
  ...{ sge: 6, uge: 7, sle: 8, ule: 9, bs: 10, bc: 11 },
} as const;

/** operandB, offset and operation of TPM2_PolicyNV: the operand without its size. */
export function nvOperands({ operation, operand, offset = 0 }: NvComparison): {
  operand: Buffer;
  offset: number;
  operation: number;
} {
  return { operand, offset, operation: OPERATIONS[operation] };
}

/**
 * The policy digest of TPM2_PolicyNV. Part 3, 23.9.
 * @param indexName of the index as it is when it is compared, hence with TPMA_NV.WRITTEN: `nvName`
 */
export function nvPolicyDigest(
  indexName: Buffer,
  comparison: NvComparison,
  from: PolicyStart = {},
): Buffer {
  const hash = from.hash ?? 'sha256';
  const { operand, offset, operation } = nvOperands(comparison);
  const args = digest(hash, operand, new Writer().u16(offset).u16(operation).toBuffer());
  return digest(hash, start(from), code('PolicyNV'), args, indexName);
}

/** The policy digest of TPM2_PolicyAuthValue: the object's password must be proven, too. Part 3, 23.17. */
export function authValuePolicyDigest(from: PolicyStart = {}): Buffer {
  return digest(from.hash ?? 'sha256', start(from), code('PolicyAuthValue'));
}

/** The policy digest of TPM2_PolicyCommandCode: for this command alone. Part 3, 23.11. */
export function commandCodePolicyDigest(command: CommandName, from: PolicyStart = {}): Buffer {
  return digest(from.hash ?? 'sha256', start(from), code('PolicyCommandCode'), code(command));
}

/** PolicyUpdate(): two steps, the second also for an empty policyRef. Part 3, 23.2.3. */
function updated(
  hash: HashAlgorithm,
  before: Buffer,
  command: CommandName,
  name: Buffer,
  policyRef: Buffer,
): Buffer {
  return digest(hash, digest(hash, before, code(command), name), policyRef);
}

function code(command: CommandName): Buffer {
  return new Writer().u32(COMMAND_CODES[command]).toBuffer();
}

function start({ hash = 'sha256', before }: { hash?: HashAlgorithm; before?: Buffer | undefined }) {
  if (before === undefined) return Buffer.alloc(hashSize(hash));
  if (before.length === hashSize(hash)) return before;
  throw new RangeError(
    `a policy of ${before.length} bytes before it, ${hash} has ${hashSize(hash)}`,
  );
}
