import {
  authorizePolicyDigest,
  objectName,
  orPolicyDigest,
  type PcrValues,
  pcrPolicyDigest,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';

/** One way to open a secret: a state of the platform, or any state that a key approves. */
export type Branch = StateBranch | ApprovedBranch;

export interface StateBranch {
  /** What the values were predicted from; for people. */
  readonly source: string;
  /** Of one bank, PCRs ascending. */
  readonly values: PcrValues;
}

export interface ApprovedBranch {
  /** TPMT_PUBLIC of the key whose approvals are accepted. */
  readonly approver: Buffer;
  /** What sets approvals apart from those for other secrets; empty for none. */
  readonly label: string;
}

/** What PolicyOR can hold at most. TPM 2.0 Library, Part 3, 23.6. */
const MAX_BRANCHES = 8;

/**
 * The policy that demands one of these branches: PolicyPCR or PolicyAuthorize, under PolicyOR where there are several.
 * @throws {MeasurementError} for none, for more than 8, and for two that are the same
 */
export function sealedPolicy(branches: readonly Branch[]): Buffer {
  const digests = branches.map(branchPolicy);
  const [only, ...others] = digests;
  if (only === undefined) throw new MeasurementError('sealed to nothing', 'name a state');
  if (digests.length > MAX_BRANCHES) {
    throw new MeasurementError(
      `sealed to ${digests.length} states: a TPM takes ${MAX_BRANCHES} at once`,
      'leave out those that will not come again, or seal to states that a key approves (--signed-by)',
    );
  }
  const twice = digests.findIndex((one, index) => digests.findIndex((d) => d.equals(one)) < index);
  if (twice !== -1) {
    throw new MeasurementError(
      `${branchName(branches[twice] as Branch)}: the state is the same as one before it`,
      'is it the manifest, reference and EFI file that you mean? Leave one of them out',
    );
  }
  return others.length === 0 ? only : orPolicyDigest(digests);
}

/** The policy digest of one branch by itself. */
export function branchPolicy(branch: Branch): Buffer {
  if ('values' in branch) return pcrPolicyDigest(branch.values);
  return authorizePolicyDigest(objectName(branch.approver), policyReference(branch.label));
}

/** What a branch is called in messages. */
export function branchName(branch: Branch): string {
  if ('values' in branch) return branch.source;
  const label = branch.label === '' ? '' : ` for ${JSON.stringify(branch.label)}`;
  return `states${label} that are approved by key ${objectName(branch.approver).toString('hex')}`;
}

/** The policyRef of approvals with this label. */
export function policyReference(label: string): Buffer {
  return Buffer.from(label, 'ascii');
}

/** Registers as tpm2-tools name them: `sha256:4,13`. */
export function registersText(values: PcrValues): string {
  return [...values]
    .map(([bank, byPcr]) => `${bank}:${[...byPcr.keys()].sort((a, b) => a - b).join(',')}`)
    .join('+');
}
