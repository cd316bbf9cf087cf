import type { GuestState } from '../state/guest-states.ts';
import type { BlankTpm } from './software-tpm.ts';

/** A TPM that outlasts the boot, powered on and tested, and the state that it holds. */
export interface LastingTpm {
  readonly blank: BlankTpm;
  readonly kept: Pick<GuestState, 'isUnwanted' | 'close'>;
}

/**
 * The next TPM of each guest whose TPM outlasts the boot: made when the one before has ended and dom0 has given its state, and not when
 * the guest asks, which would wait for it.
 */
export class NextLasting {
  readonly #make: (guest: string) => Promise<LastingTpm>;
  readonly #now: () => number;
  /** By the guest's name. */
  readonly #next = new Map<string, Promise<LastingTpm>>();

  /** @param now milliseconds, of the clock that states have */
  constructor(make: (guest: string) => Promise<LastingTpm>, now: () => number) {
    this.#make = make;
    this.#now = now;
  }

  /** Has it made, if it is not in the making. */
  prepare(guest: string): void {
    if (this.#next.has(guest)) return;
    const next = this.#make(guest);
    // Whoever takes it tries again, and is told.
    next.catch(() => {});
    this.#next.set(guest, next);
  }

  /**
   * Gives it to the guest, once; another where swtpm has ended, or dom0 wants one that is made anew.
   * @throws Error where there is none in this boot, or it does not start
   */
  async take(guest: string): Promise<LastingTpm> {
    const asked = this.#now();
    const prepared = this.#next.get(guest);
    // Whoever asks after this one, for the guest's next start, gets another.
    this.#next.delete(guest);
    const next = await prepared?.catch(() => undefined);
    if (next === undefined) return this.#make(guest);
    // A dom0 that does not answer is waited for where another one is made.
    const isUnwanted = () => next.kept.isUnwanted(asked).catch(() => true);
    if (next.blank.lives && !(await isUnwanted())) return next;
    await next.blank.discard();
    next.kept.close();
    return this.#make(guest);
  }
}
