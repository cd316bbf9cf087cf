import { printable } from '../problems.ts';

/** A text with its line structure: turns offsets into positions and excerpts. Offsets are UTF-16 units from 0. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    const starts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      starts.push(at + 1);
    }
    this.#lineStarts = starts;
  }

  /** Line and column, both counted from 1. */
  position(offset: number): { line: number; col: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, col: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  /** The line that holds `start`, numbered, and under it a caret with a tail as far as `end` on that line. */
  excerpt(start: number, end: number): string {
    const { line, col } = this.position(start);
    const lineStart = start - (col - 1);
    const nextLine = this.#lineStarts[line];
    const content = this.text
      .slice(lineStart, nextLine === undefined ? undefined : nextLine - 1)
      .trimEnd();
    // Long lines are cut to what a console shows, with the caret in view.
    const first = col > 80 ? col - 40 : 0;
    const shown = printable(content.slice(first, first + 100));
    const lead = `  ${line} | ${first > 0 ? '...' : ''}`;
    const caretAt = lead.length + (col - 1 - first);
    const length = Math.min(end, lineStart + content.length, start + 60) - start;
    const room = lead.length + shown.length - caretAt;
    return `${lead}${shown}\n${' '.repeat(caretAt)}^${'~'.repeat(Math.max(0, Math.min(length, room) - 1))}`;
  }
}
