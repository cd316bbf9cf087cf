import { type Profiler, Session } from 'node:inspector';

/** Tells which inputs reach code that none reached before: V8's block coverage of the project's own modules. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();
  readonly #parts: readonly string[];

  /** @param parts a module counts whose URL contains one of them */
  constructor(...parts: string[]) {
    this.#parts = parts;
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Number of blocks reached so far. */
  get size(): number {
    return this.#seen.size;
  }

  /** True when a block was reached since the last call that never was before. */
  grew(): boolean {
    const before = this.#seen.size;
    const { result } = this.#post(
      'Profiler.takePreciseCoverage',
    ) as Profiler.TakePreciseCoverageReturnType;
    for (const { url, functions } of result) {
      if (!this.#parts.some((part) => url.includes(part))) continue;
      for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
        if (count > 0) this.#seen.add(`${url}:${startOffset}-${endOffset}`);
      }
    }
    return this.#seen.size > before;
  }

  /** The inspector answers calls of its own thread before it returns. */
  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}
