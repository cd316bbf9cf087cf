import type { GuestState } from '../state/guest-states.ts';
import type { BlankTpm } from './software-tpm.ts';

/** A TPM that outlasts the boot, powered on, and the state that it holds. */
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
  readonly #idle: () => void;
  /** By the guest's name. */
  readonly #next = new Map<string, Promise<LastingTpm>>();

  /**
   * @param now milliseconds, of the clock that states have
   * @param idle called when one is made that nobody waits for
   */
  constructor(
    make: (guest: string) => Promise<LastingTpm>,
    now: () => number,
    idle: () => void = () => {},
  ) {
    this.#make = make;
    this.#now = now;
    this.#idle = idle;
  }

  /** Has it made, if it is not in the making. */
  prepare(guest: string): void {
    if (this.#next.has(guest)) return;
    const next = this.#make(guest);
    this.#next.set(guest, next);
    next.then(
      // Of whoever waits for it it is tested when there is something else to wait for.
      (made) => (this.#next.get(guest) === next ? this.#test(made) : undefined),
      // Whoever takes it tries again, and is told.
      () => {},
    );
  }

  async #test({ blank }: LastingTpm): Promise<void> {
    // Another is made in the place of one that has not passed.
    await blank.test().catch(() => blank.discard());
    this.#idle();
  }

  /**
   * Starts the guest's TPM from it, and from another where swtpm has ended, or dom0 wants one that is made anew: dom0 is asked meanwhile.
   * @param become makes it the guest's; of one that it rejects nothing may be left
   * @throws Error where there is none in this boot, or it does not start
   */
  async start<T extends Stoppable>(
    guest: string,
    become: (blank: BlankTpm) => Promise<T>,
  ): Promise<T> {
    const asked = this.#now();
    const prepared = this.#next.get(guest);
    // Whoever asks after this one, for the guest's next start, gets another.
    this.#next.delete(guest);
    const next = await prepared?.catch(() => undefined);
    if (next?.blank.lives) {
      // A dom0 that does not answer is waited for where another one is made.
      const isUnwanted = next.kept.isUnwanted(asked).catch(() => true);
      const tpm = await becoming(next, become);
      if (!(await isUnwanted)) return tpm;
      await tpm.stop();
    } else if (next !== undefined) {
      await next.blank.discard();
      next.kept.close();
    }
    return becoming(await this.#make(guest), become);
  }
}

/** What has the guest's state until it is stopped. */
export interface Stoppable {
  stop(): Promise<void>;
}

async function becoming<T>(
  { blank, kept }: LastingTpm,
  become: (blank: BlankTpm) => Promise<T>,
): Promise<T> {
  try {
    return await become(blank);
  } catch (error) {
    kept.close();
    throw error;
  }
}
