import { setTimeout as sleep } from 'node:timers/promises';

/** How many states of one guest are stored at once, and how long it takes until one more is, in milliseconds. */
const [BURST, EVERY] = [200, 60_000];

/**
 * How often a guest may have its state stored: each time the machine's TPM writes its NV memory, which wears out. A guest that
 * wants more waits, and nobody else does.
 */
export class Writes {
  readonly #now: () => number;
  /** When the guest's allowance was, or would be, used up, by name. */
  readonly #usedUp = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns when the guest may have its state stored once. */
  async take(name: string): Promise<void> {
    const now = this.#now();
    const full = now - BURST * EVERY;
    const next = Math.max(this.#usedUp.get(name) ?? full, full) + EVERY;
    this.#usedUp.set(name, next);
    if (next > now) await sleep(next - now, undefined, { ref: false });
  }
}
