import { type HashAlgorithm, isLate, pcrExtend, pcrRead, type Tpm } from 'node-tpm2-pts';
import { extend, initialValue } from './event-log/replay.ts';

type Digests = ReadonlyMap<HashAlgorithm, Buffer>;

/** A busy machine passes; a TPM that is late three times on end is broken. */
const TRIES = 3;

/**
 * Extends registers that nobody else extends, from their reset values on, each event once. A TPM runs one command after the
 * other: once it tells what a register holds, an extend whose answer was lost is in there, or never will be.
 */
export class CertainExtends {
  readonly #tpm: Tpm;
  /** What was extended so far, by register and bank. */
  readonly #held = new Map<number, Digests>();

  constructor(tpm: Tpm) {
    this.#tpm = tpm;
  }

  /**
   * @throws {TpmError} when the TPM refuses: then it did not extend
   * @throws {TpmTransportError} when it answers nothing that shows whether it did
   */
  async extend(pcr: number, digests: Digests): Promise<void> {
    const before = new Map(
      [...digests.keys()].map((bank) => [
        bank,
        this.#held.get(pcr)?.get(bank) ?? initialValue(bank, pcr),
      ]),
    );
    const after = new Map(
      [...digests].map(([bank, by]) => [bank, extend(bank, before.get(bank) as Buffer, by)]),
    );
    for (let left = TRIES; ; left--) {
      try {
        await pcrExtend(this.#tpm, pcr, digests);
        break;
      } catch (error) {
        if (left <= 1 || !isLate(error)) throw error;
        const found = await this.#read(pcr, digests).catch(() => undefined);
        if (found && same(found, after)) break;
        if (!found || !same(found, before)) throw error;
      }
    }
    this.#held.set(pcr, after);
  }

  async #read(pcr: number, digests: Digests): Promise<Digests> {
    const selections = [...digests.keys()].map((bank) => ({ bank, pcrs: [pcr] }));
    const values = await pcrRead(this.#tpm, selections);
    return new Map([...values].map(([bank, byPcr]) => [bank, byPcr.get(pcr) as Buffer]));
  }
}

const same = (some: Digests, others: Digests): boolean =>
  [...others].every(([bank, value]) => some.get(bank)?.equals(value));
