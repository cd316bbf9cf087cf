/**
 * Limits on what the YAML parser is given. They are far above what any manifest needs and low enough that the worst
 * input ends within seconds and 300 MB.
 */

/** 1,000 domains with every property take about half of it. */
export const MAXIMUM_BYTES = 1 << 20;
/** The longest value, a pvh command line, has 2,047 characters. */
const MAXIMUM_LINE = 4096;
/** Lexical tokens, the unit of the parser's time and memory; 1,000 domains need about 100,000. */
const MAXIMUM_TOKENS = 150_000;
/** Collections open at one place, by brackets or indentation; the schema needs 4. The composer recurses over them. */
const MAXIMUM_DEPTH = 32;

/** Why a text is refused, and where. */
export interface Refusal {
  rule: string;
  offset: number;
  message: string;
  hint: string;
}

/** Finds the first control character or overlong line in `text`. Tab, LF and CR before LF are ordinary. */
export function textRefusal(text: string): Refusal | undefined {
  let lineStart = 0;
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset);
    if (code === 0x0a) lineStart = offset + 1;
    else if (isControl(code) && !(code === 0x0d && text.charCodeAt(offset + 1) === 0x0a)) {
      return {
        rule: 'yaml-limits',
        offset,
        message: `control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
        hint: 'a manifest is plain text: remove the character',
      };
    } else if (offset - lineStart === MAXIMUM_LINE) {
      return {
        rule: 'yaml-limits',
        offset: lineStart,
        message: `a line of more than ${MAXIMUM_LINE} characters`,
        hint: 'the longest value, a pvh command line, has 2047 characters',
      };
    }
  }
  return undefined;
}

function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x09) || (code >= 0x7f && code < 0xa0);
}

/** Counts the lexer's tokens as they pass. */
export class TokenBudget {
  #tokens = 0;
  #offset = 0;
  #openQuote: number | undefined;

  /** Where a quoted value begins that is never closed; the parser notices only at the end of the text. */
  get openQuote(): number | undefined {
    return this.#openQuote;
  }

  /**
   * Returns what is too much, or undefined while all is within the limits. `depth` is the number of collections that
   * are open before `token`.
   */
  take(token: string, depth: number): Refusal | undefined {
    const offset = this.#offset;
    // The lexer's own marks are single control characters, which stand for no text.
    const mark = token.length === 1 && isControl(token.charCodeAt(0)) && token !== '\n';
    if (!mark) this.#offset += token.length;
    this.#tokens += 1;
    if (isOpenQuote(token)) this.#openQuote ??= offset;
    if (this.#tokens > MAXIMUM_TOKENS) {
      return {
        rule: 'yaml-limits',
        offset,
        message: `more than ${MAXIMUM_TOKENS} YAML tokens`,
        hint: 'a manifest of 1000 domains needs fewer: remove what is not needed',
      };
    }
    if (depth > MAXIMUM_DEPTH) {
      return {
        rule: 'yaml-limits',
        offset,
        message: `nested more than ${MAXIMUM_DEPTH} levels deep`,
        hint: 'no value of a manifest is nested deeper than 4',
      };
    }
    return undefined;
  }
}

function isOpenQuote(token: string): boolean {
  const first = token[0];
  return (first === '"' || first === "'") && (token.length === 1 || token.at(-1) !== first);
}
