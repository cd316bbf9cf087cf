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

/** The first of all NV indexes, which are those handles whose highest byte is TPM_HT_NV_INDEX (Part 2, 7.2). */
const FIRST = 0x01000000;

/** What the platform leaves in a guest's TPM. To be used before the platform hierarchy is closed, by nobody beside others who define indexes. */
export class PlatformIndexes {
  readonly tpm: Tpm;
  readonly #there: Set<number>;

  private constructor(tpm: Tpm, there: readonly number[]) {
    this.tpm = tpm;
    this.#there = new Set(there);
  }

  static async of(tpm: Tpm): Promise<PlatformIndexes> {
    return new PlatformIndexes(tpm, await handles(tpm, FIRST));
  }

  /** What was left in the index before, in a TPM that lasts; undefined where the platform left nothing. */
  async kept(index: number): Promise<Buffer | undefined> {
    if (!this.#there.has(index)) return undefined;
    // The guest's owner defines what it likes where nothing is, but not in the platform's name.
    const { attributes, size } = await nvReadPublic(this.tpm, index);
    const isOurs = (attributes & ATTRIBUTES.PLATFORMCREATE) !== 0;
    return isOurs ? nvRead(this.tpm, index, { size }) : undefined;
  }

  /**
   * Leaves data for the guest in an NV index that it can read and nobody changes. What the index had before is gone.
   * @param data at most {@link MOST_IN_INDEX} bytes
   */
  async keep(index: number, data: Buffer): Promise<void> {
    await this.remove(index, 1);
    const access = { by: TPM_RH.PLATFORM };
    const area = {
      ...({ index, nameAlgorithm: 'sha256', attributes, size: data.length } as const),
      authPolicy: Buffer.alloc(0),
    };
    await nvDefine(this.tpm, area, access);
    this.#there.add(index);
    await nvWrite(this.tpm, index, data, 0, access);
    await nvWriteLock(this.tpm, index, access);
  }

  /** Removes so many indexes, from the first on, those of them that there are. */
  async remove(first: number, count: number): Promise<void> {
    for (const index of [...this.#there]) {
      if (index < first || index >= first + count) continue;
      await nvUndefine(this.tpm, index, password(), TPM_RH.PLATFORM);
      this.#there.delete(index);
    }
  }
}
