import type { Path } from './path.ts';

/** Some properties are one text or a list of them: the list either way. */
export function listOf<T>(value: T | readonly T[]): T[] {
  return Array.isArray(value) ? [...value] : [value as T];
}

/** The same with the place of each in the document; those that were refused are left out. */
export function placedTexts(
  value: string | readonly (string | undefined)[] | undefined,
  path: Path,
): { text: string; index: number; path: Path }[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [{ text: value, index: 0, path }];
  return value.flatMap((text, index) =>
    text === undefined ? [] : [{ text, index, path: [...path, index] }],
  );
}
