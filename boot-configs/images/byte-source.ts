import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fileChunks } from '../../measurement/hash-chunks.ts';

/** Something to read parts of, so that an image of any size can be looked into. */
export interface ByteSource {
  size: number;
  /** The bytes from `offset` on: `length` of them, or fewer at the end. */
  read(offset: number, length: number): Buffer;
}

/** A file that is open. */
export interface OpenFile extends ByteSource {
  /** All bytes, piece by piece; each is good until the next is asked for. */
  chunks(): Iterable<Uint8Array>;
}

/**
 * Calls `use` with the regular file at `path` while it is open. Throws what the file system says (ENOENT, EACCES and
 * so on), and an error with the code EINVAL for anything but a regular file.
 */
export function withFile<T>(path: string, use: (source: OpenFile) => T): T {
  // Opening a FIFO would wait for its writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
    return use({
      size: stat.size,
      read(offset, length) {
        const bytes = Buffer.alloc(Math.max(0, Math.min(length, stat.size - offset)));
        return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
      },
      chunks: () => fileChunks(fd),
    });
  } finally {
    closeSync(fd);
  }
}

/** Bytes that are read at a time for many small reads. */
const WINDOW = 1 << 16;

/** The same source, which is read in larger parts. */
export function readAhead(source: ByteSource): ByteSource {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    size: source.size,
    read(offset, length) {
      if (length > WINDOW) return source.read(offset, length);
      if (offset < start || offset + length > start + window.length) {
        start = offset;
        window = source.read(offset, WINDOW);
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}
