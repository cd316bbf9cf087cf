import {
  type Authorization,
  handles,
  type NvPublic,
  nvDefine,
  nvRead,
  nvReadPublic,
  nvUndefine,
  nvWrite,
  TPM_RH,
  type Tpm,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { type HierarchyValues, withHierarchies } from '../keys/hierarchies.ts';
import { keptApproval, keptApprovals, readKeptApprovals, type VtpmApproval } from './approvals.ts';
import {
  APPROVALS_SIZE,
  type Approver,
  approvalsArea,
  INDEXES,
  isOfForm,
  isWritten,
  keyArea,
  rootArea,
} from './indexes.ts';

export interface SetUp {
  /** Of one key and label, the newest first. */
  readonly approvals: readonly VtpmApproval[];
  /** Removes what is there, with all that depends on it. */
  readonly anew: boolean;
}

/** What there is after {@link setUpVtpmState}. */
export interface SetUpState {
  /** Whether indexes were made. */
  readonly defined: boolean;
  /** How many approvals the TPM holds. */
  readonly approvals: number;
}

/**
 * Makes the NV indexes that are missing, and puts the approvals before those that are there.
 * @throws {MeasurementError} where indexes of another form are in the way
 */
export function setUpVtpmState(
  tpm: Tpm,
  { approvals, anew }: SetUp,
  values: Pick<HierarchyValues, 'owner'>,
): Promise<SetUpState> {
  return withHierarchies(tpm, values, async (authorize) => {
    const owner = () => authorize('owner');
    const approver = approverOfAll(approvals);
    const areas = [keyArea(approver), rootArea(approver), approvalsArea];
    if (anew) await removeAll(tpm, areas, owner);
    else await refuseOthers(tpm, areas);
    const there = await handles(tpm, INDEXES.key);
    const missing = areas.filter(({ index }) => !there.includes(index));
    for (const area of missing) await nvDefine(tpm, area, { owner: owner() });
    const before = await keptBefore(tpm);
    const added = approvals.map(keptApproval);
    const others = before.filter(
      ({ signature }) => !added.some((one) => one.signature.equals(signature)),
    );
    const data = keptApprovals([...added, ...others]);
    await nvWrite(tpm, INDEXES.approvals, data, 0, { by: TPM_RH.OWNER, authorization: owner() });
    return { defined: missing.length > 0, approvals: readKeptApprovals(data).length };
  });
}

function approverOfAll(approvals: readonly VtpmApproval[]): Approver {
  const [first, ...others] = approvals;
  if (first === undefined) throw new Error('there is no approval');
  const other = others.find(
    ({ approver, label }) => !approver.equals(first.approver) || label !== first.label,
  );
  if (other === undefined) return first;
  throw new MeasurementError(
    `the approvals for ${first.source} and ${other.source} are of two keys, or have two labels`,
    'give those of the key and label that the manifest names',
  );
}

async function removeAll(tpm: Tpm, areas: readonly NvPublic[], owner: () => Authorization) {
  const there = await handles(tpm, INDEXES.key);
  for (const { index } of areas) if (there.includes(index)) await nvUndefine(tpm, index, owner());
}

async function refuseOthers(tpm: Tpm, areas: readonly NvPublic[]): Promise<void> {
  const there = await handles(tpm, INDEXES.key);
  for (const area of areas) {
    if (!there.includes(area.index)) continue;
    if (isOfForm(await nvReadPublic(tpm, area.index), area)) continue;
    throw new MeasurementError(
      `NV index 0x${area.index.toString(16)} is there for another key or label, or for something else`,
      "--anew removes it; guests' TPMs that lasted by it are then made anew",
    );
  }
}

async function keptBefore(tpm: Tpm) {
  const area = await nvReadPublic(tpm, INDEXES.approvals);
  if (!isWritten(area)) return [];
  return readKeptApprovals(await nvRead(tpm, INDEXES.approvals, { size: APPROVALS_SIZE }));
}
