import type { Swtpm } from './swtpm.ts';

/** A swtpm that was started before anybody needs it, for a TPM of which nothing else can be made ahead. */
export class SpareSwtpm {
  readonly #start: () => Promise<Swtpm>;
  #spare: Promise<Swtpm> | undefined;

  constructor(start: () => Promise<Swtpm>) {
    this.#start = start;
  }

  /** Has one started, if there is none. */
  prepare(): void {
    if (this.#spare !== undefined) return;
    this.#spare = this.#start();
    // Whoever takes it tries again, and is told.
    this.#spare.catch(() => {});
  }

  /** Gives it, once; another where there is none or it has ended. */
  async take(): Promise<Swtpm> {
    const prepared = this.#spare;
    this.#spare = undefined;
    const spare = await prepared?.catch(() => undefined);
    if (spare?.lives) return spare;
    await spare?.discard();
    return this.#start();
  }
}
