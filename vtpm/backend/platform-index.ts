import {
  handles,
  nvDefine,
  nvRead,
  nvReadPublic,
  nvUndefine,
  nvWrite,
  nvWriteLock,
  password,
  TPM_RH,
  type Tpm,
} from 'node-tpm2-pts';

/** Bytes in one index: MAX_NV_INDEX_SIZE of libtpms (0.9). */
export const MOST_IN_INDEX = 2048;

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

/** What was left in the index before, in a TPM that lasts; undefined where the platform left nothing. */
export async function keptForGuest(tpm: Tpm, index: number): Promise<Buffer | undefined> {
  const [first] = await handles(tpm, index);
  if (first !== index) return undefined;
  // The guest's owner defines what it likes where nothing is, but not in the platform's name.
  const area = await nvReadPublic(tpm, index);
  const isOurs = (area.attributes & ATTRIBUTES.PLATFORMCREATE) !== 0;
  return isOurs ? nvRead(tpm, index) : undefined;
}

/**
 * Leaves data for the guest in an NV index that it can read and nobody changes. What the index had before is gone. To be done before the
 * platform hierarchy is closed.
 * @param data at most {@link MOST_IN_INDEX} bytes
 */
export async function keepForGuest(tpm: Tpm, index: number, data: Buffer): Promise<void> {
  const access = { by: TPM_RH.PLATFORM };
  const [first] = await handles(tpm, index);
  if (first === index) {
    await nvUndefine(tpm, index, password(), TPM_RH.PLATFORM);
  }
  const area = {
    ...({ index, nameAlgorithm: 'sha256', attributes, size: data.length } as const),
    authPolicy: Buffer.alloc(0),
  };
  await nvDefine(tpm, area, access);
  await nvWrite(tpm, index, data, 0, access);
  await nvWriteLock(tpm, index, access);
}
