import type { SoftwareTpm } from './software-tpm.ts';

/** Starts a guest's TPM. @param died told once when it ends by itself */
type Start = (died: (how: string) => void) => Promise<SoftwareTpm>;

interface Reserved {
  tpm: Promise<SoftwareTpm>;
  /** How it ended, if it has. */
  ended: string | undefined;
  /** To be told of its end, once somebody has it. */
  died: ((how: string) => void) | undefined;
}

/** TPMs of the guests that domB made, which are known before they ask: with all that is in them when they do. Each is given once. */
export class TpmReserve {
  /** By the guest's UUID. */
  readonly #reserved = new Map<string, Reserved>();

  /** Has a guest's TPM started. When that fails, whoever takes it gets none, and may try again. */
  add(uuid: string, start: Start): void {
    const reserved: Reserved = {
      tpm: start((how) => {
        reserved.ended = how;
        reserved.died?.(how);
      }),
      ended: undefined,
      died: undefined,
    };
    reserved.tpm.catch(() => {});
    this.#reserved.set(uuid, reserved);
  }

  /** Gives the TPM of a guest, when it is ready; undefined where there is none, or none any more. */
  async take(uuid: string, died: (how: string) => void): Promise<SoftwareTpm | undefined> {
    const reserved = this.#reserved.get(uuid);
    this.#reserved.delete(uuid);
    const tpm = await reserved?.tpm.catch(() => undefined);
    if (reserved === undefined || tpm === undefined) return undefined;
    if (reserved.ended === undefined) {
      reserved.died = died;
      return tpm;
    }
    await tpm.stop();
    return undefined;
  }
}
