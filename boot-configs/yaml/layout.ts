import type { Refusal } from './limits.ts';

/** Longer texts are left to the parser, so that hostile ones cost nothing. */
const MAXIMUM_TEXT = 1 << 18;

/** One mapping or list that is open, with the column of its keys or dashes. */
interface Level {
  indent: number;
  kind: 'mapping' | 'list';
  /** Its first line, for messages, and the key there. */
  line: number;
  first: string;
  /** Whether its last key or dash has nothing behind it yet, so that deeper lines may follow. */
  open: boolean;
}

interface Line {
  number: number;
  /** Offset of its first character, and of what follows the spaces. */
  start: number;
  begin: number;
  indent: number;
  /** Without comment and trailing spaces. */
  content: string;
}

/**
 * Finds lines whose indentation or first word can't be right, in a text that is not valid YAML: the parser says of them
 * only what it had expected next. Knows as much of YAML as people write by hand, and says nothing of the rest.
 */
export function layoutFaults(text: string): Refusal[] {
  if (text.length > MAXIMUM_TEXT) return [];
  const scan = new LayoutScan();
  for (const line of linesOf(text)) scan.take(line);
  scan.end();
  return scan.faults;
}

class LayoutScan {
  readonly faults: Refusal[] = [];
  #levels: Level[] = [];
  /** What was closed by the last line, outermost first. */
  #closed: Level[] = [];
  #previous: (Line & { at: number }) | undefined;
  /** A value that goes on over lines: a text behind `|` or `>`, or what stands in brackets. */
  #text: number | undefined;
  #flow: { depth: number; offset: number; indent: number } | undefined;
  /** Lines that are indented like the last faulty one have the same fault, and what stands in a faulty item too. */
  #shift: { from: number; to: number; deeper: boolean } | undefined;

  take(line: Line): void {
    if (this.#text !== undefined) {
      if (line.indent > this.#text || line.content === '') return;
      this.#text = undefined;
    }
    if (line.content === '') return;
    if (this.#flow !== undefined) {
      if (line.indent > this.#flow.indent || !/^(- |[\w-]+:( |$))/.test(line.content)) {
        this.#bracket(line.content);
        return;
      }
      this.#unclosed(this.#flow);
    }
    if (/^(---|\.\.\.|%)/.test(line.content)) {
      this.#levels = [];
      return;
    }
    if (line.content.startsWith('\t')) {
      this.#fault(line.begin, 'a tab stands in the indentation', 'indent with spaces');
      return;
    }
    this.#structure(line);
  }

  end(): void {
    if (this.#flow !== undefined) this.#unclosed(this.#flow);
  }

  #structure(line: Line): void {
    const dash = /^-( +|$)/.exec(line.content)?.[0];
    const stuck = /^-([a-z_]+: .*)/.exec(line.content)?.[1];
    if (stuck !== undefined) {
      this.#fault(line.begin, 'no space stands behind the dash', `write "- ${short(stuck)}"`);
    } else if (dash === undefined && keyOf(line.content) === undefined) {
      this.#loose(line);
      return;
    }
    if (dash === undefined && stuck === undefined) {
      this.#key(line.content, line, this.#place(line, 'mapping'));
      return;
    }
    const indent = this.#place(line, 'list');
    this.#item(stuck ?? line.content.slice(dash?.length), line, indent, dash?.length ?? 2);
  }

  /** What stands behind a dash; `width` is that of the dash and its spaces. */
  #item(content: string, line: Line, indent: number, width: number): void {
    this.#open(line, {
      indent,
      kind: 'list',
      first: 'the item',
      open: /^([&!]\S*)?$/.test(content),
    });
    const dash = /^-( +|$)/.exec(content)?.[0];
    if (dash !== undefined) {
      this.#item(content.slice(dash.length), line, indent + width, dash.length);
    } else if (keyOf(content) !== undefined) this.#key(content, line, indent + width);
    else this.#value(content, line, indent);
  }

  #key(content: string, line: Line, indent: number): void {
    const key = keyOf(content) ?? '';
    this.#open(line, { indent, kind: 'mapping', first: `"${short(key)}"`, open: true });
    const value = content.slice(key.length).replace(/^\s*:\s*/, '');
    if (/^([&!]\S*)?$/.test(value)) return;
    const top = this.#levels.at(-1);
    if (top !== undefined) top.open = false;
    this.#value(value, line, indent);
  }

  /** The column where a line belongs: its own, or the nearest one that is right, with a report. */
  #place(line: Line, kind: Level['kind']): number {
    const shifted = this.#shifted(line.indent);
    if (this.#fits(shifted, kind)) return shifted;
    this.#shift = undefined;
    const { indent } = line;
    if (this.#fits(indent, kind)) return indent;
    // A line between two that fit together is the odd one, not the line behind it.
    const odd = this.#previous;
    const before = this.#closed.find((level) => level.indent === indent && level.kind === kind);
    if (odd !== undefined && before !== undefined && indent > odd.at) {
      this.#misplaced(odd, odd.at, before);
      this.#levels = [...this.#levels.filter((level) => level.indent < odd.at), ...this.#closed];
      return this.#fits(indent, kind) ? indent : odd.at;
    }
    const root = this.#levels[0];
    if (root !== undefined && indent < root.indent) {
      const spaces = count(root.indent);
      const message = `this line is not indented, and line ${root.line}, which it belongs to, is by ${spaces}`;
      this.#fault(line.begin, message, `begin line ${root.line} without spaces`);
      this.#levels = [];
      return indent;
    }
    const near = this.#levels
      .filter((level) => level.kind === kind)
      .toSorted(
        (a, b) => Math.abs(a.indent - indent) - Math.abs(b.indent - indent) || b.indent - a.indent,
      )[0];
    if (near === undefined) {
      this.#fault(
        line.begin,
        'this line does not fit below the one before it',
        'correct its indentation',
      );
      return indent;
    }
    this.#misplaced(line, indent, near);
    this.#shift = { from: indent, to: near.indent, deeper: kind === 'list' };
    return near.indent;
  }

  #shifted(indent: number): number {
    if (this.#shift === undefined) return indent;
    const { from, to, deeper } = this.#shift;
    return indent === from || (deeper && indent > from) ? indent + to - from : indent;
  }

  /** Whether a key or a dash may stand in this column now. */
  #fits(indent: number, kind: Level['kind']): boolean {
    const top = this.#levels.at(-1);
    if (top === undefined) return true;
    if (indent > top.indent) return top.open;
    const level = this.#levels.findLast((each) => each.indent <= indent);
    if (level?.indent !== indent) return false;
    if (this.#levels.some((each) => each.indent === indent && each.kind === kind)) return true;
    // The items of a list may stand below their key.
    return kind === 'list' && level === top && top.open;
  }

  #open(line: Line, opened: Omit<Level, 'line'>): void {
    const { indent, kind } = opened;
    const at = this.#levels.findLastIndex((each) => each.indent === indent && each.kind === kind);
    const inside = this.#levels.findLastIndex((each) => each.indent <= indent);
    const kept = at === -1 ? inside + 1 : at + 1;
    const closed = this.#levels.slice(kept);
    this.#levels = this.#levels.slice(0, kept);
    if (this.#previous?.number !== line.number) {
      this.#closed = closed;
      this.#previous = { ...line, at: indent };
    }
    const parent = this.#levels.at(-1);
    if (parent !== undefined) parent.open = at === -1 ? false : opened.open;
    if (at === -1) this.#levels.push({ ...opened, line: line.number });
  }

  #value(value: string, line: Line, indent: number): void {
    if (/^[|>][-+0-9]*$/.test(value)) this.#text = indent;
    else if (/^[[{]/.test(value)) {
      this.#flow = { depth: 0, offset: line.begin + line.content.indexOf(value), indent };
      this.#bracket(value);
    }
  }

  /** Counts brackets; those in quotes count as little as other text. */
  #bracket(content: string): void {
    const bare = content.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '');
    if (this.#flow === undefined) return;
    this.#flow.depth += bare.split(/[[{]/).length - bare.split(/[\]}]/).length;
    if (this.#flow.depth <= 0) this.#flow = undefined;
  }

  #unclosed({ offset }: { offset: number }): void {
    this.#flow = undefined;
    this.#fault(offset, 'this bracket is never closed', 'close it at the end of the value');
  }

  /** A line that is neither key nor item: the rest of a value, or a key without its colon. */
  #loose(line: Line): void {
    const level = this.#levels.at(-1);
    if (level === undefined) this.#value(line.content, line, -1);
    // Explicit keys, aliases as keys and the like: nobody writes them by mistake.
    if (/^[?:[{*&!]/.test(line.content)) return;
    if (level === undefined || line.indent > level.indent) return;
    const [, word, sign, rest = ''] =
      /^([A-Za-z_]+)(\s*[=:]\s*|\s+)(\S.*)$/.exec(line.content) ?? [];
    const mapping = this.#levels.some(
      (each) => each.kind === 'mapping' && each.indent === line.indent,
    );
    if (word !== undefined && mapping) {
      const fault = sign?.includes(':')
        ? 'no space stands behind the colon'
        : 'no colon stands behind the key';
      this.#fault(line.begin, fault, `write "${word}: ${short(rest)}"`);
    } else {
      const hint = 'indent a value that goes on deeper than its key; write "key: value" for a key';
      this.#fault(line.begin, 'this line is neither a key nor an item of a list', hint);
    }
  }

  #misplaced(line: Line, indent: number, level: Level): void {
    const what = level.kind === 'list' ? 'item' : 'key';
    this.#fault(
      line.begin,
      `this ${what} is indented by ${count(indent)}, the ${what}s that it belongs to by ${level.indent}`,
      `${level.indent === 0 ? 'do not indent it' : `indent it by ${count(level.indent)}`}, like ${level.first} in line ${level.line}`,
    );
  }

  #fault(offset: number, message: string, hint: string): void {
    this.faults.push({ rule: 'yaml-syntax', offset, message, hint });
  }
}

function* linesOf(text: string): Generator<Line> {
  let start = 0;
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.replace(/\r$/, '');
    const indent = line.length - line.replace(/^ +/, '').length;
    const content = /^\s*#/.test(line)
      ? ''
      : line
          .slice(indent)
          .replace(/\s#.*$/, '')
          .trimEnd();
    yield { number: index + 1, start, begin: start + indent, indent, content };
    start += whole.length + 1;
  }
}

/** The key that a line begins with, as it is written. */
function keyOf(content: string): string | undefined {
  const quoted = /^("[^"]*"|'[^']*')\s*:(?:\s|$)/.exec(content)?.[1];
  if (quoted !== undefined) return quoted;
  if (/^(["'[\]{}#&*!|>%@`?,]|- )/.test(content)) return undefined;
  const colon = content.search(/:(?:\s|$)/);
  return colon <= 0 ? undefined : content.slice(0, colon).trimEnd();
}

function count(indent: number): string {
  return indent === 1 ? '1 space' : `${indent} spaces`;
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 36)}...` : text;
}
