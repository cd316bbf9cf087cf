import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { CONTENT_ALGORITHMS } from './content.ts';
import type { ContentAlgorithm, ContentDescription } from './events.ts';

/** Large enough that a read costs nothing beside hashing, small enough to stay in the level 2 cache until it is hashed. */
const CHUNK = 256 * 1024;

/** Bytes after which others get their turn; some 50 ms. */
const TURN = 64 * 1024 * 1024;

/**
 * Size and digests of a file, in constant memory. For predictions; domB itself hashes the very bytes in memory that it builds
 * from. Reads are synchronous: handing each to a thread takes more of a processor than it saves, and both have work of their
 * own when there are two files.
 */
export async function hashFile(
  path: string,
  algorithms: readonly ContentAlgorithm[] = CONTENT_ALGORITHMS,
): Promise<ContentDescription> {
  const hashes = algorithms.map((name) => ({ name, hash: createHash(name) }));
  const chunk = Buffer.allocUnsafeSlow(CHUNK);
  const file = openSync(path, 'r');
  try {
    for (let size = 0, rest = TURN; ; ) {
      const length = readSync(file, chunk, 0, CHUNK, null);
      if (length === 0) {
        const digests = hashes.map(({ name, hash }) => [name, hash.digest('hex')]);
        return { size, digests: Object.fromEntries(digests) };
      }
      const bytes = length === CHUNK ? chunk : chunk.subarray(0, length);
      for (const { hash } of hashes) hash.update(bytes);
      size += length;
      rest -= length;
      if (rest > 0) continue;
      await turn();
      rest = TURN;
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
