import { setImmediate as turn } from 'node:timers/promises';
import type { BlankTpm } from './software-tpm.ts';

/** TPMs that are made before anybody asks for them, one after the other: to make one takes long, and guests wait. */
export class TpmStock {
  readonly #make: () => Promise<BlankTpm>;
  /** The oldest first; the last ones may still be in the making. */
  readonly #blanks: Promise<BlankTpm>[] = [];
  /** Ends when all that were begun are made. */
  #turn: Promise<unknown> = Promise.resolve();
  /** What guests wait for, which goes before what nobody waits for. */
  readonly #uses = new Set<Promise<unknown>>();

  constructor(make: () => Promise<BlankTpm>) {
    this.#make = make;
  }

  /** Has so many TPMs made, with those that there are. */
  fill(count: number): void {
    while (this.#blanks.length < count) {
      const blank = this.#turn.then(() => this.#undisturbed()).then(this.#make);
      // Whoever takes it is told; the next one may go better.
      this.#turn = blank.catch(() => {});
      this.#blanks.push(blank);
    }
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
      if (next === undefined) return this.#make();
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
