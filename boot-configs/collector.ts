import { ManifestError, type Problem, printable } from './problems.ts';
import type { SourceText } from './yaml/source-text.ts';

/** So many problems are shown: the first of the file. */
const MAXIMUM_SHOWN = 100;
/** A file with more problems than this is no manifest; the search ends, so that its cost is bounded. */
const MAXIMUM_PROBLEMS = 2000;

/** What stands where: a half-open range of offsets. */
export interface SourceRange {
  start: number;
  end: number;
}

/** What a problem says. It is read only if the problem is shown, so a getter may make it up then. */
type Finding = Pick<Problem, 'rule' | 'message' | 'hint'>;

/** Gathers the problems of one manifest: each once, however many ways lead to it. */
export class ProblemCollector {
  readonly #source: SourceText;
  readonly #found = new Map<string, { place: SourceRange; path: string; finding: Finding }>();

  constructor(source: SourceText) {
    this.#source = source;
  }

  /**
   * Reports a problem at `place`; the same rule about the same property at the same place is reported once. `path` is where
   * in the document. Throws a {@link ManifestError} when there are too many to go on.
   */
  add(place: SourceRange, path: string, finding: Finding): void {
    // An alias or a default can lead to one place along several paths.
    const property = path.slice(path.lastIndexOf('.') + 1);
    const key = `${place.start} ${finding.rule} ${property}`;
    if (this.#found.has(key)) return;
    if (this.#found.size === MAXIMUM_PROBLEMS) throw this.#error();
    this.#found.set(key, { place, path, finding });
  }

  /** Throws a {@link ManifestError} when anything was reported. */
  throwIfAny(): void {
    if (this.#found.size > 0) throw this.#error();
  }

  #error(): ManifestError {
    const problems = [...this.#found.values()]
      .sort((a, b) => a.place.start - b.place.start)
      .slice(0, MAXIMUM_SHOWN)
      .map(({ place, path, finding }) => ({
        file: this.#source.file,
        ...this.#source.position(place.start),
        rule: finding.rule,
        path: printable(path),
        message: printable(finding.message),
        hint: printable(finding.hint),
        excerpt: this.#source.excerpt(place.start, place.end),
      }));
    return new ManifestError(problems, this.#found.size > MAXIMUM_SHOWN);
  }
}
