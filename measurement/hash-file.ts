import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { CONTENT_ALGORITHMS } from './content.ts';
import type { ContentAlgorithm, ContentDescription } from './events.ts';
import { fileChunks, hashing } from './hash-chunks.ts';

/**
 * Size and digests of a file, in constant memory. For predictions; domB itself hashes the very bytes in memory that it builds
 * from.
 */
export async function hashFile(
  path: string,
  algorithms: readonly ContentAlgorithm[] = CONTENT_ALGORITHMS,
): Promise<ContentDescription> {
  const file = openSync(path, 'r');
  try {
    const work = hashing(fileChunks(file), algorithms);
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      await turn();
    }
  } finally {
    closeSync(file);
  }
}

/** Files for one process. */
export interface Share {
  readonly paths: readonly string[];
  readonly algorithms: readonly ContentAlgorithm[];
}

export type Hashed = readonly [path: string, description: ContentDescription];

/** Hashes one file after the other. */
export async function hashShare({ paths, algorithms }: Share): Promise<Hashed[]> {
  const hashed: Hashed[] = [];
  for (const path of paths) hashed.push([path, await hashFile(path, algorithms)]);
  return hashed;
}
