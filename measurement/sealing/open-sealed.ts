import {
  flushContext,
  load,
  objectName,
  policyOr,
  policyPcr,
  policySession,
  selectionOf,
  type Tpm,
  unsealObject,
  withHmacSession,
  withPolicySession,
} from 'node-tpm2-pts';
import { type StateApproval, usePolicyApproval } from './approval.ts';
import { type OtherValue, otherValues } from './seal-secret.ts';
import type { SealedSecret } from './sealed-files.ts';
import { type Branch, branchPolicy } from './sealed-policy.ts';
import { type OwnerValue, withStorageKey } from './storage-key.ts';

/** A state in which a secret would open, and how the platform differs from it. */
export interface MissedState {
  readonly source: string;
  /** The registers that hold other values; one at least. */
  readonly others: readonly OtherValue[];
}

/** What came of opening a secret: its data, or why no state that opens it is the present one. */
export type Opened = { readonly data: Buffer } | { readonly missed: readonly MissedState[] };

/** A way through the policy that the present values allow. */
interface Way {
  readonly branch: Branch;
  readonly approval?: StateApproval;
}

/**
 * Opens a secret by the branch, or by the approval, whose state the platform is in. It is encrypted on its way from the TPM.
 * @throws {TpmError} when the TPM refuses all the same
 * @throws {MeasurementError} when this is not the TPM that it was sealed for
 */
export async function openSealed(
  tpm: Tpm,
  sealed: SealedSecret,
  { approvals = [], ...owner }: OwnerValue & { approvals?: readonly StateApproval[] } = {},
): Promise<Opened> {
  const missed: MissedState[] = [];
  for (const way of waysThrough(sealed.branches, approvals)) {
    const state = way.approval ?? way.branch;
    if (!('values' in state)) continue;
    const others = await otherValues(tpm, state.values);
    if (others.length === 0) return { data: await openBy(tpm, sealed, way, owner) };
    missed.push({ source: state.source, others });
  }
  return { missed };
}

/** States first, then those that the key of a branch has approved for its label. */
function waysThrough(branches: readonly Branch[], approvals: readonly StateApproval[]): Way[] {
  return branches.flatMap((branch): Way[] => {
    if ('values' in branch) return [{ branch }];
    const { approver, label } = branch;
    return approvals
      .filter((each) => each.approver.equals(approver) && each.label === label)
      .map((approval) => ({ branch, approval }));
  });
}

function openBy(
  tpm: Tpm,
  { object, parent: wanted, branches }: SealedSecret,
  way: Way,
  owner: OwnerValue,
): Promise<Buffer> {
  return withStorageKey(tpm, { ...owner, wanted }, async (parent) => {
    const { handle } = await load(tpm, parent.handle, object);
    try {
      // Salted by the key that was there when the secret was sealed, whatever the bus says now.
      return await withHmacSession(tpm, { ...parent, publicArea: wanted }, (secure) => {
        secure.names.set(handle, objectName(object.publicArea));
        return withPolicySession(tpm, async (session) => {
          await satisfy(tpm, session, branches, way);
          return unsealObject(tpm, handle, policySession(session, { keep: true }), secure);
        });
      });
    } finally {
      await flushContext(tpm, handle);
    }
  });
}

/** Has the TPM check the branch, in the order in which {@link sealedPolicy} computed it. */
async function satisfy(
  tpm: Tpm,
  session: number,
  branches: readonly Branch[],
  { branch, approval }: Way,
): Promise<void> {
  const values = approval?.values ?? ('values' in branch ? branch.values : undefined);
  if (values !== undefined) await policyPcr(tpm, session, selectionOf(values));
  if (approval !== undefined) await usePolicyApproval(tpm, session, approval);
  if (branches.length > 1) await policyOr(tpm, session, branches.map(branchPolicy));
}
