import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';

/** Large enough that a read costs nothing beside hashing, small enough to stay in the level 2 cache until it is hashed. */
const CHUNK = 256 * 1024;

/** Bytes after which others get their turn; some 50 ms. */
const TURN = 64 * 1024 * 1024;

/**
 * The bytes of an open file from its start, piece by piece; each is good until the next is asked for. Reads are synchronous:
 * handing each to a thread takes more of a processor than it saves.
 */
export function* fileChunks(descriptor: number): Generator<Uint8Array> {
  const chunk = Buffer.allocUnsafeSlow(CHUNK);
  for (let offset = 0; ; ) {
    const length = readSync(descriptor, chunk, 0, CHUNK, offset);
    if (length === 0) return;
    yield length === CHUNK ? chunk : chunk.subarray(0, length);
    offset += length;
  }
}

/** What is hashed: how many bytes, and their digests in hex by algorithm. */
export interface HashedContent<A extends string> {
  size: number;
  digests: Record<A, string>;
}

/** Size and digests of content; yields where others should get their turn. The one place where files are hashed. */
export function* hashing<A extends string>(
  chunks: Iterable<Uint8Array>,
  algorithms: readonly A[],
): Generator<undefined, HashedContent<A>> {
  const hashes = algorithms.map((name) => ({ name, hash: createHash(name) }));
  let size = 0;
  let rest = TURN;
  for (const bytes of chunks) {
    for (const { hash } of hashes) hash.update(bytes);
    size += bytes.length;
    rest -= bytes.length;
    if (rest > 0) continue;
    yield;
    rest = TURN;
  }
  const digests = hashes.map(({ name, hash }) => [name, hash.digest('hex')]);
  return { size, digests: Object.fromEntries(digests) };
}

/** The same at a stretch. */
export function hashNow<A extends string>(
  chunks: Iterable<Uint8Array>,
  algorithms: readonly A[],
): HashedContent<A> {
  const work = hashing(chunks, algorithms);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
