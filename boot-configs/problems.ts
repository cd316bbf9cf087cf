/** One thing that is wrong with a manifest, and where. */
export interface Problem {
  file: string;
  /** Counted from 1. */
  line: number;
  /** Counted from 1, in UTF-16 units. */
  col: number;
  /** Where in the document, for example `domains[1].domid`; empty for the document as a whole. */
  path: string;
  /** Which rule found it, for example `domid-range`. */
  rule: string;
  message: string;
  /** What to do about it. */
  hint: string;
  /** The offending line and a line with a caret below it, as printable ASCII; empty without a line. */
  excerpt: string;
}

/** A manifest that can't be used. Carries every problem, in the order of the file. */
export class ManifestError extends Error {
  override name = 'ManifestError';
  readonly problems: readonly Problem[];
  /** True when the search ended early because there were too many problems. */
  readonly more: boolean;
  readonly hint: string;

  constructor(problems: readonly Problem[], more = false) {
    super(formatProblems(problems, more));
    this.problems = problems;
    this.more = more;
    this.hint = 'correct the manifest and check it with "domb validate" before the next boot';
  }
}

/** Sets a part of a problem off from the rest, for example with colour. */
export type Paint = (part: 'place' | 'message' | 'excerpt' | 'hint', text: string) => string;

/** A hint that is longer is said once. */
const LONG_HINT = 120;

/**
 * Plain text, one paragraph for each problem: `file:line:col: path: message`, the line with a caret, the hint. A long hint that
 * comes again is not repeated.
 */
export function formatProblems(
  problems: readonly Problem[],
  more = false,
  paint: Paint = (_, text) => text,
): string {
  // Where a long hint came first, by its text.
  const said = new Map<string, number>();
  const paragraphs = problems.map((problem) => {
    const first = said.get(problem.hint);
    const repeated = first !== undefined && problem.hint.length > LONG_HINT;
    said.set(problem.hint, first ?? problem.line);
    return formatProblem(
      repeated ? { ...problem, hint: `the same as for line ${first}` } : problem,
      paint,
    );
  });
  if (more) paragraphs.push('There are more problems: correct these first.');
  return paragraphs.join('\n');
}

function formatProblem(problem: Problem, paint: Paint): string {
  const { file, line, col, path, message, excerpt, hint } = problem;
  const place = paint('place', `${file}:${line}:${col}:`);
  const lines = [`${place} ${path === '' ? '' : `${path}: `}${paint('message', message)}`];
  if (excerpt !== '') lines.push(paint('excerpt', excerpt));
  lines.push(`  ${paint('hint', `hint: ${hint}`)}`);
  return lines.join('\n');
}

/**
 * Replaces everything but printable ASCII, so that text out of a manifest can't steer a terminal or a serial console.
 * Each UTF-16 unit stays one column.
 */
export function printable(text: string): string {
  return text.replaceAll('\t', ' ').replace(/[^ -~]/g, '?');
}
