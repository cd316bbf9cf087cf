import {
  type HashAlgorithm,
  hashById,
  nvDefine,
  nvWrite,
  nvWriteLock,
  pcrExtend,
  TPM_RH,
  type Tpm,
} from 'node-tpm2-pts';
import { guestLaunch, type LaunchItems, launchLog } from '../../measurement/guest-launch.ts';

/**
 * Where a guest finds the log of its launch: NV indexes from here on, in their order, of the range of platform manufacturers (TCG
 * Registry of Reserved TPM 2.0 Handles and Localities, 0x01400000 to 0x017fffff).
 */
export const LOG_INDEX = 0x01400d00;

/** Bytes in one index: MAX_NV_INDEX_SIZE of libtpms (0.9). */
const MOST_IN_INDEX = 2048;

/**
 * TPMA_NV (Part 2, 13.4): the platform writes it, for good; everybody reads it, without an authorization that could be tried; neither
 * the guest's owner nor TPM2_Clear removes it.
 */
const ATTRIBUTES = {
  PPWRITE: 1 << 0,
  WRITEDEFINE: 1 << 13,
  OWNERREAD: 1 << 17,
  AUTHREAD: 1 << 18,
  NO_DA: 1 << 25,
  PLATFORMCREATE: 1 << 30,
} as const;
const attributes = Object.values(ATTRIBUTES).reduce((sum, bit) => sum | bit, 0);

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
  const access = { by: TPM_RH.PLATFORM };
  for (let at = 0, index = LOG_INDEX; at < log.length; at += MOST_IN_INDEX, index++) {
    const part = log.subarray(at, at + MOST_IN_INDEX);
    const area = {
      ...({ index, nameAlgorithm: 'sha256', attributes, size: part.length } as const),
      authPolicy: Buffer.alloc(0),
    };
    await nvDefine(tpm, area, access);
    await nvWrite(tpm, index, part, 0, access);
    await nvWriteLock(tpm, index, access);
  }
}
