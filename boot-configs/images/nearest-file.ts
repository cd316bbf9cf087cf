import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nearest } from '../suggest.ts';

/** More names are not compared. */
const MOST_NAMES = 2000;

/**
 * The file below `directory` that the path `name`, which leads to none, was most likely meant to be: one with nearly this name in
 * the same folder, or in the directory itself or a folder of it.
 */
export function nearestFile(directory: string, name: string): string | undefined {
  const folder = dirname(name);
  const names = [...filesIn(directory, folder), ...filesIn(directory, '.')];
  for (const { name: below } of entriesOf(directory).filter((entry) => entry.isDirectory())) {
    if (names.length >= MOST_NAMES) break;
    if (below !== folder) names.push(...filesIn(directory, below));
  }
  const candidates = names.slice(0, MOST_NAMES);
  const base = name.slice(name.lastIndexOf('/') + 1);
  return (
    nearest(name, candidates) ??
    candidates.find((file) => file.slice(file.lastIndexOf('/') + 1) === base)
  );
}

function filesIn(directory: string, folder: string): string[] {
  return entriesOf(join(directory, folder))
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => (folder === '.' ? entry.name : `${folder}/${entry.name}`));
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
