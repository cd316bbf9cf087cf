import { ManifestError, type Problem, printable } from './problems.ts';
import type { SourceText } from './yaml/source-text.ts';

/** A file with more problems than this is no manifest; the search ends, so that its cost is bounded. */
const MAXIMUM_PROBLEMS = 100;

/** What stands where: a half-open range of offsets. */
export interface Place {
  start: number;
  end: number;
}

/** Gathers the problems of one manifest: each once, however many ways lead to it. */
export class ProblemCollector {
  readonly #source: SourceText;
  readonly #found = new Map<string, Problem & { start: number }>();

  constructor(source: SourceText) {
    this.#source = source;
  }

  /**
   * Reports a problem at `place`; the same rule about the same property at the same place is reported once. Throws a {@link ManifestError}
   * with all problems so far when there are too many.
   */
  add(place: Place, problem: Pick<Problem, 'path' | 'rule' | 'message' | 'hint'>): void {
    // An alias or a default can lead to one place along several paths.
    const property = problem.path.slice(problem.path.lastIndexOf('.') + 1);
    const key = `${place.start} ${problem.rule} ${property}`;
    if (this.#found.has(key)) return;
    if (this.#found.size === MAXIMUM_PROBLEMS) {
      throw this.#error(true);
    }
    this.#found.set(key, {
      file: this.#source.file,
      ...this.#source.position(place.start),
      rule: problem.rule,
      path: printable(problem.path),
      message: printable(problem.message),
      hint: printable(problem.hint),
      excerpt: this.#source.excerpt(place.start, place.end),
      start: place.start,
    });
  }

  /** Throws a {@link ManifestError} when anything was reported. */
  throwIfAny(): void {
    if (this.#found.size > 0) throw this.#error(false);
  }

  #error(more: boolean): ManifestError {
    const problems = [...this.#found.values()]
      .sort((a, b) => a.start - b.start)
      .map(({ start: _, ...problem }) => problem);
    return new ManifestError(problems, more);
  }
}
