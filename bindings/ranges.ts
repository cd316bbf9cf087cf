/** Sets of numbers as ranges. */
import type { NumberRange } from '../domains/settings.ts';

/** The same numbers as ranges that ascend and don't touch. */
export function merged(ranges: readonly NumberRange[]): NumberRange[] {
  const result: NumberRange[] = [];
  for (const { first, count } of ranges.toSorted((a, b) => a.first - b.first)) {
    if (count === 0) continue;
    const last = result.at(-1);
    if (last !== undefined && first <= last.first + last.count) {
      last.count = Math.max(last.count, first + count - last.first);
    } else {
      result.push({ first, count });
    }
  }
  return result;
}

/** The numbers of `ranges` that are in none of `others`. */
export function excluding(
  ranges: readonly NumberRange[],
  others: readonly NumberRange[],
): NumberRange[] {
  const holes = merged(others);
  return merged(ranges).flatMap(({ first, count }) => {
    const parts: NumberRange[] = [];
    const end = first + count;
    let from = first;
    for (const hole of holes) {
      if (hole.first >= end || hole.first + hole.count <= from) continue;
      if (hole.first > from) parts.push({ first: from, count: hole.first - from });
      from = hole.first + hole.count;
    }
    if (from < end) parts.push({ first: from, count: end - from });
    return parts;
  });
}

/** The numbers that are in both. */
export function common(
  ranges: readonly NumberRange[],
  others: readonly NumberRange[],
): NumberRange[] {
  return excluding(ranges, excluding(ranges, others));
}
