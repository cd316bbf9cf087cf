import type { Input } from '../command.ts';

const flags: Readonly<Record<string, string>> = {
  '--json': 'json',
  '--quiet': 'quiet',
  '-q': 'quiet',
};

/**
 * What a command line asks that has `validate` check files with the usual checks only: that is done often, by hooks and editors.
 * Undefined for every other one, also where it is wrong.
 */
export function plainInput([command, ...words]: readonly string[]): Input | undefined {
  const given = words.filter((word) => Object.hasOwn(flags, word));
  const files = words.filter((word) => !Object.hasOwn(flags, word));
  const isPlain = files.every((file) => file === '-' || !file.startsWith('-'));
  if (command !== 'validate' || files.length === 0 || !isPlain) return undefined;
  return {
    arguments: files,
    flags: new Set(given.map((word) => flags[word] ?? word)),
    values: new Map(),
  };
}
