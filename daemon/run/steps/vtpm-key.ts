import { Tpm2Error } from 'node-tpm2-pts';
import type { VtpmStateKey } from '../../../domains/vtpm-state-key.ts';
import { MeasurementError } from '../../../measurement/errors.ts';
import { approverOf } from '../../../measurement/sealing/approver-key.ts';
import { rootArea, writtenName } from '../../../measurement/vtpm-state/indexes.ts';
import {
  type NoPlatformKey,
  openPlatformKey,
} from '../../../measurement/vtpm-state/platform-key.ts';
import type { Operation } from '../../plan/operations.ts';
import type { BootState } from '../state.ts';

type OpenVtpmKey = Extract<Operation, { do: 'open-vtpm-key' }>;

/**
 * Has the TPM release what states of guests' TPMs are encrypted under: all that is predictable is measured by now, and the caps, after
 * which nobody gets it, are still to come. A boot that gets none goes on, and TPMs that outlast the boot are not served.
 */
export async function openVtpmKey(
  state: BootState,
  { approver: pem, label }: OpenVtpmKey,
): Promise<string> {
  const approver = { approver: approverOf(Buffer.from(pem), 'approver'), label };
  const opened = await openPlatformKey(state.tpm, approver).catch(reason);
  if ('missing' in opened) {
    const { missing, hint } = opened;
    state.log.logger.warn(
      `TPMs that outlast the boot are not served: ${missing}\nwhat to do: ${hint}`,
    );
    state.vtpmKey = { missing };
    return 'none';
  }
  state.vtpmKey = { key: opened.key, rootName: writtenName(rootArea(approver)) };
  return opened.made
    ? 'made: TPMs that outlast the boot begin anew'
    : 'the one that was made before';
}

/** What stands in the way is no reason to end the boot; who relies on these TPMs does not get others. */
function reason(error: unknown): NoPlatformKey {
  if (error instanceof MeasurementError) return { missing: error.message, hint: error.hint };
  if (!(error instanceof Tpm2Error)) throw error;
  return { missing: error.message, hint: 'see whether the TPM is defective, and start again' };
}

/** Whoever needs it has it. */
export function forgetVtpmKey(key: VtpmStateKey | undefined): void {
  if (key !== undefined && 'key' in key) key.key.fill(0);
}
