import { constants, open } from 'node:fs/promises';
import { MeasurementError } from './errors.ts';

/** Bytes that a file of unknown size is read into at first. */
const CHUNK = 1 << 16;

/**
 * The whole of a regular file that others wrote, read in one go: kernel files such as the firmware's log say that their size
 * is 0 and cannot be read twice from one opening.
 * @param most bytes; a larger file is refused before it fills the memory
 * @throws {MeasurementError} for anything else than a file of that size, otherwise what the file system says
 */
export async function readBounded(path: string, most: number): Promise<Buffer> {
  // Opening a FIFO would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile()) {
      throw new MeasurementError(`${path}: not a regular file`, 'name a regular file');
    }
    // Of the size that it says, and a little more to see its end; held once.
    let bytes = Buffer.allocUnsafe(Math.min(status.size, most) + CHUNK);
    for (let size = 0; ; ) {
      if (size === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(size)]);
      const { bytesRead } = await file.read(bytes, size, bytes.length - size, null);
      if (bytesRead === 0) return bytes.subarray(0, size);
      size += bytesRead;
      if (size > most) {
        throw new MeasurementError(`${path}: more than ${most} bytes`, 'is it the right file?');
      }
    }
  } finally {
    await file.close();
  }
}
