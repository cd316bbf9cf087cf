import { performance } from 'node:perf_hooks';

export interface ConsoleLine {
  /** Milliseconds since the machine was started. */
  at: number;
  text: string;
}

/** Lines of the console that a failure shows. */
const shown = 15;

/** Milliseconds that a machine gets to explain a failure. */
const grace = 1000;

/** The time of a line, as logs show it. */
export const seconds = (at: number): string => (at / 1000).toFixed(3).padStart(8);

/** Splits what a machine prints into stamped lines, keeps them, and lets callers wait for one. */
export class Console {
  readonly lines: ConsoleLine[] = [];
  readonly #start = performance.now();
  #rest = '';
  #ended = false;
  readonly #listeners = new Set<(line: ConsoleLine | undefined) => void>();

  /** Takes a piece of raw output, which may end in the middle of a line. */
  write(chunk: string): void {
    const pieces = (this.#rest + chunk).split('\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) this.#publish(piece);
  }

  /** No more output will come; every wait that has not been answered fails. */
  end(): void {
    if (this.#rest) this.#publish(this.#rest);
    this.#rest = '';
    this.#ended = true;
    for (const listener of [...this.#listeners]) listener(undefined);
  }

  /** Calls `listener` for every line from now on. */
  onLine(listener: (line: ConsoleLine) => void): void {
    this.#listeners.add((line) => line && listener(line));
  }

  /**
   * Resolves with the first line, printed already or still to come, that `pattern` matches.
   * Fails, with the console's last lines, after `timeout` milliseconds from now, when the machine ends, and as soon as
   * a line matches `unless`.
   */
  waitFor(pattern: RegExp, timeout: number, unless?: RegExp): Promise<ConsoleLine> {
    const present = this.lines.find((line) => pattern.test(line.text));
    if (present) return Promise.resolve(present);
    const lost = unless && this.lines.find((line) => unless.test(line.text));
    return new Promise((resolve, reject) => {
      let hopeless: NodeJS.Timeout | undefined;
      const finish = () => {
        clearTimeout(timer);
        clearTimeout(hopeless);
        this.#listeners.delete(listener);
      };
      const fail = (why: string) => {
        finish();
        reject(new Error(`console: ${why}; awaited was ${pattern}. ${this.tail()}`));
      };
      const listener = (line: ConsoleLine | undefined) => {
        if (!line) return fail('the machine ended');
        if (unless?.test(line.text)) {
          // What explains it is on the lines that follow.
          hopeless ??= setTimeout(() => fail(line.text.trim()), grace);
          return;
        }
        if (!pattern.test(line.text)) return;
        finish();
        resolve(line);
      };
      const timer = setTimeout(() => fail(`${timeout / 1000} s passed`), timeout);
      if (lost) return fail(lost.text.trim());
      if (this.#ended) return fail('the machine ended');
      this.#listeners.add(listener);
    });
  }

  /** Its last lines, for a message that has to say what happened before. */
  tail(): string {
    const lines = this.lines.slice(-shown).map(({ at, text }) => `  | ${seconds(at)} ${text}`);
    return ['The console said last:', ...(lines.length > 0 ? lines : ['  | nothing'])].join('\n');
  }

  #publish(raw: string): void {
    const line = { at: performance.now() - this.#start, text: raw.replace(/\r/g, '') };
    this.lines.push(line);
    for (const listener of [...this.#listeners]) listener(line);
  }
}
