import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { BlankTpm } from './software-tpm.ts';

/** TPMs that are made before anybody asks for them, one after the other: to make one takes long, and guests wait. */
export class TpmStock {
  readonly #make: () => Promise<BlankTpm>;
  readonly #patience: number;
  /** The oldest first; the last ones may still be in the making. */
  readonly #blanks: Promise<BlankTpm>[] = [];
  /** Ends when all that were begun are made. */
  #turn: Promise<unknown> = Promise.resolve();
  /** What guests wait for, which goes before what nobody waits for. */
  readonly #uses = new Set<Promise<unknown>>();

  /** @param patience how long nobody else's is begun while one is made, in milliseconds */
  constructor(make: () => Promise<BlankTpm>, { patience = 10_000 } = {}) {
    this.#make = make;
    this.#patience = patience;
  }

  /** Has so many TPMs made, with those that there are. */
  fill(count: number): void {
    while (this.#blanks.length < count) {
      const blank = this.#afterOthers(async () => {
        await this.#undisturbed();
        return this.#make();
      });
      this.#blanks.push(blank);
    }
  }

  /** Where many guests wait, those that came first are served first, instead of all of them at last. */
  #afterOthers(make: () => Promise<BlankTpm>): Promise<BlankTpm> {
    const blank = this.#turn.then(make);
    // Whoever takes it is told; the next one may go better, and does not wait for one that has come to a stop.
    const late = blank.then(
      () => {},
      () => {},
    );
    this.#turn = this.#turn.then(() =>
      Promise.race([late, sleep(this.#patience, undefined, { ref: false })]),
    );
    return blank;
  }

  /** Takes the first one that is left, or a new one; no other is begun before `work` is done. */
  async use<T>(work: (blank: BlankTpm) => Promise<T>): Promise<T> {
    const use = work(await this.#take());
    this.#uses.add(use);
    try {
      return await use;
    } finally {
      this.#uses.delete(use);
    }
  }

  async #take(): Promise<BlankTpm> {
    for (;;) {
      const next = this.#blanks.shift();
      if (next === undefined) return this.#afterOthers(this.#make);
      const blank = await next.catch(() => undefined);
      if (blank?.lives) return blank;
      await blank?.discard();
    }
  }

  async #undisturbed(): Promise<void> {
    // Who waited for the one before begins to use it first.
    await turn();
    while (this.#uses.size > 0) await Promise.allSettled(this.#uses);
  }
}
