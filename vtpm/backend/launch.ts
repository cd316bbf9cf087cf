import { type HashAlgorithm, hashById, pcrExtend } from 'node-tpm2-pts';
import { guestLaunch, type LaunchItems, launchLog } from '../../measurement/guest-launch.ts';
import { MOST_IN_INDEX, type PlatformIndexes } from './platform-index.ts';

/**
 * Where a guest finds the log of its launch: NV indexes from here on, in their order, of the range of platform manufacturers (TCG
 * Registry of Reserved TPM 2.0 Handles and Localities, 0x01400000 to 0x017fffff).
 */
export const LOG_INDEX = 0x01400d00;
/** All that a log could be in. */
const LOG_INDEXES = 0x100;

/**
 * Extends what the guest was started from into its new TPM, and leaves the log there. To be done before the platform hierarchy is
 * closed.
 * @param items undefined for a guest that domB did not make: of it nothing is known
 */
export async function measureLaunch(
  indexes: PlatformIndexes,
  items: LaunchItems | undefined,
  banks: readonly HashAlgorithm[],
): Promise<void> {
  const { events } = guestLaunch(items, banks);
  for (const { pcr, digests } of events) {
    const byBank = [...digests].flatMap(([id, digest]) => {
      const bank = hashById(id);
      return bank === undefined ? [] : [[bank, digest] as const];
    });
    await pcrExtend(indexes.tpm, pcr, new Map(byBank));
  }
  await keepLog(indexes, launchLog(events, banks));
}

async function keepLog(indexes: PlatformIndexes, log: Buffer): Promise<void> {
  // A TPM that lasts has the log of the boot before, which may have been longer.
  await indexes.remove(LOG_INDEX, LOG_INDEXES);
  for (let at = 0, index = LOG_INDEX; at < log.length; at += MOST_IN_INDEX, index++) {
    await indexes.keep(index, log.subarray(at, at + MOST_IN_INDEX));
  }
}
