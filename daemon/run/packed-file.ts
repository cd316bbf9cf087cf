import { readFileSync, unlinkSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';

/** Zstandard frames (RFC 8878, 3.1.1): the descriptor behind the magic number, and how many bytes each of its fields has. */
const DESCRIPTOR = 4;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4];
const CONTENT_SIZE_SIZES = [0, 2, 4, 8];

/**
 * Takes the contents of a zstd file, which has to say how long they are, and removes it. They are written once, to where they stay: the
 * boot domain has no memory for them twice.
 */
export function takePackedFile(path: string): Buffer {
  const packed = readFileSync(path);
  // It is in memory, as the image is: what is unpacked takes the place.
  unlinkSync(path);
  const size = contentSize(packed);
  // One piece of output that never gets full: zlib joins several in new memory.
  const bytes = zstdDecompressSync(packed, { chunkSize: Math.max(size + 1, 64) });
  if (bytes.length !== size) {
    throw new Error(`${path} says that it has ${size} bytes, and has ${bytes.length}`);
  }
  return bytes;
}

/** Bytes of a frame's contents. @throws Error where it does not say */
function contentSize(frame: Buffer): number {
  const descriptor = frame.readUInt8(DESCRIPTOR);
  const length = CONTENT_SIZE_SIZES[descriptor >> 6] as number;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = DICTIONARY_ID_SIZES[descriptor & 3] as number;
  // Without a window descriptor, when it is a single segment.
  const at = DESCRIPTOR + 1 + (singleSegment ? 0 : 1) + dictionary;
  switch (length) {
    case 0:
      if (!singleSegment) throw new Error('the zstd frame does not say how long its contents are');
      return frame.readUInt8(at);
    case 2:
      return frame.readUInt16LE(at) + 256;
    case 4:
      return frame.readUInt32LE(at);
    default:
      return Number(frame.readBigUInt64LE(at));
  }
}
