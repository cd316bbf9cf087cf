import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CONTENT_ALGORITHMS } from './content.ts';
import type { ContentAlgorithm, ContentDescription } from './events.ts';

/** Large enough that a read costs nothing beside hashing, small enough to stay in the level 2 cache until it is hashed. */
const CHUNK = 256 * 1024;

/**
 * Size and digests of a file, in constant memory: one chunk is hashed while the next is read. For predictions; domB itself
 * hashes the very bytes in memory that it builds from.
 */
export async function hashFile(
  path: string,
  algorithms: readonly ContentAlgorithm[] = CONTENT_ALGORITHMS,
): Promise<ContentDescription> {
  const hashes = algorithms.map((name) => ({ name, hash: createHash(name) }));
  const file = await open(path);
  try {
    let [current, next] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
    let size = 0;
    let { bytesRead } = await file.read(current, 0, CHUNK, null);
    while (bytesRead > 0) {
      const reading = file.read(next, 0, CHUNK, null);
      for (const { hash } of hashes) hash.update(current.subarray(0, bytesRead));
      size += bytesRead;
      ({ bytesRead } = await reading);
      [current, next] = [next, current];
    }
    const digests = Object.fromEntries(hashes.map(({ name, hash }) => [name, hash.digest('hex')]));
    return { size, digests };
  } finally {
    await file.close();
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
