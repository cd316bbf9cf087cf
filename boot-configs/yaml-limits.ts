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
/** Nested brackets; the schema needs 4. */
const MAXIMUM_BRACKETS = 32;

export interface Excess {
  offset: number;
  message: string;
  hint: string;
}

/** Finds the first control character or overlong line in `text`. Tab, LF and CR before LF are ordinary. */
export function textExcess(text: string): Excess | undefined {
  let lineStart = 0;
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset);
    if (code === 0x0a) lineStart = offset + 1;
    else if (isControl(code) && !(code === 0x0d && text.charCodeAt(offset + 1) === 0x0a)) {
      return {
        offset,
        message: `control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
        hint: 'a manifest is plain text: remove the character',
      };
    } else if (offset - lineStart === MAXIMUM_LINE) {
      return {
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
  #brackets = 0;
  #offset = 0;

  /** Returns what is too much, or undefined while `token` is within the limits. */
  take(token: string): Excess | undefined {
    // The lexer's own marks are single control characters, which stand for no text.
    if (token.length === 1 && isControl(token.charCodeAt(0)) && token !== '\n') return undefined;
    const offset = this.#offset;
    this.#offset += token.length;
    this.#tokens += 1;
    if (this.#tokens > MAXIMUM_TOKENS) {
      return {
        offset,
        message: `more than ${MAXIMUM_TOKENS} YAML tokens`,
        hint: 'a manifest of 1000 domains needs fewer: remove what is not needed',
      };
    }
    if (token === '[' || token === '{') this.#brackets += 1;
    if (token === ']' || token === '}') this.#brackets -= 1;
    if (this.#brackets > MAXIMUM_BRACKETS) {
      return {
        offset,
        message: `more than ${MAXIMUM_BRACKETS} nested brackets`,
        hint: 'no value of a manifest is nested deeper than 4',
      };
    }
    return undefined;
  }
}
