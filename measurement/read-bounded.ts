import { constants, open } from 'node:fs/promises';
import { MeasurementError } from './errors.ts';

/** Bytes asked for at a time. */
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
    if (!(await file.stat()).isFile()) {
      throw new MeasurementError(`${path}: not a regular file`, 'name a regular file');
    }
    const chunks: Buffer[] = [];
    for (let size = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(chunk, 0, CHUNK, null);
      if (bytesRead === 0) return Buffer.concat(chunks, size);
      chunks.push(chunk.subarray(0, bytesRead));
      size += bytesRead;
      if (size > most) {
        throw new MeasurementError(`${path}: more than ${most} bytes`, 'is it the right file?');
      }
    }
  } finally {
    await file.close();
  }
}
