const MAX_DEPTH = 64;

/**
 * The one JSON text of `value`: RFC 8785 (keys sorted by UTF-16 code units, no white space), with two restrictions that
 * leave nothing to interpretation: numbers are safe integers, and every character outside U+0020..U+007E is written as
 * `\n`-style or `\uXXXX` escape in lower-case hex. The result is pure ASCII.
 *
 * Object members that are undefined are left out; anything else that JSON cannot hold is a TypeError naming its place.
 */
export function canonicalJson(value: unknown): string {
  return render(value, '$', 0);
}

function render(value: unknown, at: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError(`${at}: nested deeper than ${MAX_DEPTH}`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return renderString(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new TypeError(`${at}: ${value} is no safe integer`);
    }
    return String(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => render(item, `${at}[${i}]`, depth + 1)).join(',')}]`;
  }
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const members = value as Record<string, unknown>;
    let text = '';
    for (const key of Object.keys(members).sort()) {
      const member = members[key];
      if (member === undefined) continue;
      const comma = text === '' ? '' : ',';
      text += `${comma}${renderString(key)}:${render(member, `${at}.${key}`, depth + 1)}`;
    }
    return `{${text}}`;
  }
  throw new TypeError(
    `${at}: ${typeof value === 'object' ? 'an object of a class' : typeof value} is not JSON`,
  );
}

/** What JSON has as it is: printable ASCII without quotation mark and backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;

function renderString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
