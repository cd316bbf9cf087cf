import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CONTENT_ALGORITHMS } from './content.ts';
import type { ContentAlgorithm, ContentDigests } from './events.ts';

/** Large enough that a read costs nothing beside hashing, small enough to stay in the cache. */
const CHUNK = 1024 * 1024;

/**
 * Size and digests of a file, in constant memory: one chunk is hashed while the next is read. For predictions; domB itself
 * hashes the very bytes in memory that it builds from.
 */
export async function hashFile(
  path: string,
  algorithms: readonly ContentAlgorithm[] = CONTENT_ALGORITHMS,
): Promise<{ size: number; digests: ContentDigests }> {
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
