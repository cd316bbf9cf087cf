import { open } from 'node:fs/promises';
import { MAX_HEADERS, parsePe } from './pe.ts';

/** Where Xen looks for its configuration in its own image (Xen docs/misc/efi.pandoc). */
const SECTION = '.config';
/** Bytes; a configuration has some hundred. */
const LARGEST = 1 << 16;

/**
 * The command line of the Xen that an EFI file is, as Xen tells it when it runs; undefined where the file has no
 * configuration in it. Nothing else adds to it: our series ignores the load options of the boot option then.
 * @throws {PeError} when the file is no PE image
 */
export async function xenCommandLineOf(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = await file.read(Buffer.alloc(Math.min(size, MAX_HEADERS)), 0);
    const { sections } = parsePe(start.buffer.subarray(0, start.bytesRead), size);
    const section = sections.find(({ name }) => name === SECTION);
    if (section === undefined) return undefined;
    const { rawOffset, rawSize, virtualSize } = section;
    const length = Math.min(rawSize, virtualSize, LARGEST);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, rawOffset);
    return /^options=(.*)$/m.exec(buffer.toString('latin1'))?.[1]?.trim() ?? '';
  } finally {
    await file.close();
  }
}
