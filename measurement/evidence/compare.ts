import { canonicalJson } from '../canonical-json.ts';
import type { MeasuredItem } from '../events.ts';

/** How one item compares. */
export interface ItemResult {
  /** For people, such as "dom0 ramdisk". */
  readonly name: string;
  /** As it was expected, or measured where nobody expected it; none for the order of all. */
  readonly item?: MeasuredItem;
  /** What is wrong with it, one line each that names it. */
  readonly problems: readonly string[];
}

/**
 * Compares what was measured with what was expected, item by item, in plain words: first those that were expected, in their
 * order, then those that nobody expected. When no item has problems, both are the same items in the same order.
 */
export function compareItems(
  expected: readonly MeasuredItem[],
  measured: readonly MeasuredItem[],
): ItemResult[] {
  const wanted = byName(expected);
  const found = byName(measured);
  const results: ItemResult[] = [];
  for (const [name, item] of wanted) {
    const other = found.get(name);
    const problems =
      other === undefined ? [`${name} was not measured`] : differences(name, item, other);
    results.push({ name, item, problems });
  }
  for (const [name, item] of found) {
    if (!wanted.has(name)) results.push({ name, item, problems: [unexpected(name, item)] });
  }
  const same = results.every(({ problems }) => problems.length === 0);
  if (same && !sameOrder([...wanted.keys()], [...found.keys()])) {
    results.push({ name: 'order', problems: ['the items were measured in another order'] });
  }
  return results;
}

function unexpected(name: string, item: MeasuredItem): string {
  return item.event === 'error' ? `the boot failed: ${item.what}` : `${name} was not expected`;
}

/** Items by what they are; a repeated one is numbered. Linear, also when somebody repeats one very often. */
function byName(items: readonly MeasuredItem[]): Map<string, MeasuredItem> {
  const named = new Map<string, MeasuredItem>();
  const last = new Map<string, number>();
  for (const item of items) {
    const base = nameOf(item);
    let number = (last.get(base) ?? 0) + 1;
    while (named.has(numbered(base, number))) number++;
    last.set(base, number);
    named.set(numbered(base, number), item);
  }
  return named;
}

function numbered(base: string, number: number): string {
  return number === 1 ? base : `${base} (${number})`;
}

function nameOf(item: MeasuredItem): string {
  if (item.event === 'image') {
    const segment = item.segment === undefined ? '' : `[${item.segment}]`;
    return `${item.domain} ${item.component}${segment}`;
  }
  if (item.event === 'domain') return `domain ${item.domain}`;
  if (item.event === 'script') return `script ${item.script}`;
  if (item.event === 'identity') return `identity of ${item.domain}`;
  return item.event;
}

function differences(name: string, expected: MeasuredItem, measured: MeasuredItem): string[] {
  const found: string[] = [];
  walk('', expected, measured, found);
  return found.map((difference) => `${name} differs: ${difference}`);
}

/** Collects the places where two JSON values differ. */
function walk(at: string, expected: unknown, measured: unknown, found: string[]): void {
  if (
    isContainer(expected) &&
    isContainer(measured) &&
    Array.isArray(expected) === Array.isArray(measured)
  ) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(measured)]);
    for (const key of [...keys].sort()) {
      const place = Array.isArray(expected) ? `${at}[${key}]` : at ? `${at}.${key}` : key;
      walk(place, own(expected, key), own(measured, key), found);
    }
    return;
  }
  const [left, right] = [show(expected), show(measured)];
  if (left !== right) found.push(`${at}: expected ${left}, measured ${right}`);
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function own(value: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : canonicalJson(value);
}

function sameOrder(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, i) => name === right[i]);
}
