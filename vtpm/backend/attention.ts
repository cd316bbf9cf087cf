/**
 * How much of its attention the back end gives to one guest. A guest writes its own state, as often as it likes, and each time
 * xenstored tells us: a guest must not get more of that than it needs, or the others wait and our memory fills.
 */
export interface Limits {
  /** Changes that are looked at within the time; a front end that connects or leaves makes five. */
  readonly changes: number;
  /** Milliseconds. A guest that exceeds the limit is not looked at for as long. */
  readonly window: number;
}

export const LIMITS: Limits = { changes: 50, window: 10_000 };

/** Counts one guest's changes. */
export class Attention {
  readonly #limits: Limits;
  #since = Number.NEGATIVE_INFINITY;
  #changes = 0;

  constructor(limits: Limits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * Counts that many changes more. False when they are too many.
   * @param now in milliseconds, of a clock that does not go back
   */
  take(changes: number, now: number): boolean {
    if (now - this.#since >= this.#limits.window) {
      this.#since = now;
      this.#changes = 0;
    }
    this.#changes += changes;
    return this.#changes <= this.#limits.changes;
  }
}
