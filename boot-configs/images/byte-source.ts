import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Something to read parts of, so that an image of any size can be looked into. */
export interface ByteSource {
  size: number;
  /** The bytes from `offset` on: `length` of them, or fewer at the end. */
  read(offset: number, length: number): Buffer;
}

/**
 * Calls `use` with the regular file at `path` while it is open. Throws what the file system says (ENOENT, EACCES and
 * so on), and an error with the code EINVAL for anything but a regular file.
 */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
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
    });
  } finally {
    closeSync(fd);
  }
}
