import type { BlankTpm } from './software-tpm.ts';

/** TPMs that are made before anybody asks for them, one after the other: to make one takes long, and guests wait. */
export class TpmStock {
  readonly #make: () => Promise<BlankTpm>;
  /** The oldest first; the last ones may still be in the making. */
  readonly #blanks: Promise<BlankTpm>[] = [];
  /** Ends when all that were begun are made. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(make: () => Promise<BlankTpm>) {
    this.#make = make;
  }

  /** Has so many TPMs made, with those that there are; who takes one does not wait for the others. */
  fill(count: number): void {
    while (this.#blanks.length < count) {
      const blank = this.#turn.then(this.#make);
      // Whoever takes it is told; the next one may go better.
      this.#turn = blank.catch(() => {});
      this.#blanks.push(blank);
    }
  }

  /** The first one that is left, or a new one. */
  async take(): Promise<BlankTpm> {
    for (;;) {
      const next = this.#blanks.shift();
      if (next === undefined) return this.#make();
      const blank = await next.catch(() => undefined);
      if (blank?.lives) return blank;
      await blank?.discard();
    }
  }
}
