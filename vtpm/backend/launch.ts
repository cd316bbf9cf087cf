import { type HashAlgorithm, hashById, pcrExtend, type Tpm } from 'node-tpm2-pts';
import { guestLaunch, type LaunchItems, launchLog } from '../../measurement/guest-launch.ts';
import { keepForGuest, MOST_IN_INDEX } from './platform-index.ts';

/**
 * Where a guest finds the log of its launch: NV indexes from here on, in their order, of the range of platform manufacturers (TCG
 * Registry of Reserved TPM 2.0 Handles and Localities, 0x01400000 to 0x017fffff).
 */
export const LOG_INDEX = 0x01400d00;

/**
 * Extends what the guest was started from into its new TPM, and leaves the log there. To be done before the platform hierarchy is
 * closed.
 * @param items undefined for a guest that domB did not make: of it nothing is known
 */
export async function measureLaunch(
  tpm: Tpm,
  items: LaunchItems | undefined,
  banks: readonly HashAlgorithm[],
): Promise<void> {
  const { events } = guestLaunch(items, banks);
  for (const { pcr, digests } of events) {
    const byBank = [...digests].flatMap(([id, digest]) => {
      const bank = hashById(id);
      return bank === undefined ? [] : [[bank, digest] as const];
    });
    await pcrExtend(tpm, pcr, new Map(byBank));
  }
  await keepLog(tpm, launchLog(events, banks));
}

async function keepLog(tpm: Tpm, log: Buffer): Promise<void> {
  for (let at = 0, index = LOG_INDEX; at < log.length; at += MOST_IN_INDEX, index++) {
    await keepForGuest(tpm, index, log.subarray(at, at + MOST_IN_INDEX));
  }
}
