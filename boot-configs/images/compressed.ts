/** The compressions that Linux unpacks (lib/decompress.c): where their data ends, as far as that is cheap to find. */
import { gunzipSync } from 'node:zlib';
import type { ByteSource } from './byte-source.ts';
import { DamagedImage, readWhole } from './damaged-image.ts';

export interface Compression {
  name: string;
  /** Hexadecimal. */
  magic: string;
  /** Where the data that begins at `at` ends. Throws a {@link DamagedImage} when it doesn't. */
  end(bytes: ByteSource, at: number): number;
}

/** gzip's data has no marks: it is unpacked, when it is not larger than this. */
const MOST_GZIP = 1 << 26;
const MOST_UNPACKED = 1 << 28;

export const compressions: readonly Compression[] = [
  { name: 'gzip', magic: '1f8b', end: gzipEnd },
  { name: 'xz', magic: 'fd377a585a00', end: xzEnd },
  { name: 'zstd', magic: '28b52ffd', end: zstdEnd },
  { name: 'lz4', magic: '02214c18', end: lz4End },
  { name: 'lzo', magic: '894c5a4f000d', end: lzoEnd },
  { name: 'bzip2', magic: '425a68', end: bzip2End },
  // Its header says nothing about the end.
  { name: 'lzma', magic: '5d0000', end: (bytes) => bytes.size },
];

/** RFC 1952. What stands behind the data is not looked at. */
function gzipEnd(bytes: ByteSource, at: number): number {
  const { size } = bytes;
  if (size - at < 18) throw new DamagedImage('it ends inside its gzip data', true);
  if (size - at > MOST_GZIP) return size;
  try {
    gunzipSync(bytes.read(at, size - at), { maxOutputLength: MOST_UNPACKED });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw new DamagedImage('it ends inside its gzip data', true);
    if (code === 'Z_DATA_ERROR') throw new DamagedImage('its gzip data cannot be unpacked');
    if (code !== 'ERR_BUFFER_TOO_LARGE') throw error;
  }
  return size;
}

/** The .xz file format, 2.1: the stream's footer stands at the end and leads back to the index, which begins with a zero. */
function xzEnd(bytes: ByteSource, at: number): number {
  const { size } = bytes;
  const header = readWhole(bytes, at, 12, 'its xz header');
  let end = size;
  while (end - 4 > at && bytes.read(end - 4, 4).readUInt32LE() === 0) end -= 4;
  const footer = bytes.read(end - 12, 12);
  const backward = footer.length === 12 ? (footer.readUInt32LE(4) + 1) * 4 : 0;
  const index = end - 12 - backward;
  const ended =
    footer.toString('latin1', 10) === 'YZ' &&
    footer.readUInt16BE(8) === header.readUInt16BE(6) &&
    index >= at + 12 &&
    bytes.read(index, 1)[0] === 0;
  if (!ended) throw new DamagedImage('its xz data has no end', true);
  return size;
}

/** RFC 8878, 3.1.1: a header, and blocks that say how long they are and which is the last. */
function zstdEnd(bytes: ByteSource, start: number): number {
  const inside = 'a zstd frame';
  const descriptor = readWhole(bytes, start + 4, 1, inside).readUInt8();
  const single = (descriptor >> 5) & 1;
  const contentSize = [single, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = start + 5 + (1 - single) + dictionary + contentSize;
  for (let last = false; !last; ) {
    const block = readWhole(bytes, at, 3, inside).readUIntLE(0, 3);
    last = (block & 1) === 1;
    const type = (block >> 1) & 3;
    if (type === 3) throw new DamagedImage(`at byte ${at} begins no block of a zstd frame`);
    // A run of equal bytes has one of them.
    at += 3 + (type === 1 ? 1 : block >> 3);
  }
  at += (descriptor >> 2) & 1 ? 4 : 0;
  if (at > bytes.size) throw new DamagedImage(`it ends inside ${inside}`, true);
  return at;
}

/** The legacy format, as lib/decompress_unlz4.c reads it: blocks with their sizes, until there are no more. */
function lz4End(bytes: ByteSource, start: number): number {
  let at = start + 4;
  while (at < bytes.size) {
    const size = readWhole(bytes, at, 4, 'its lz4 data').readUInt32LE();
    if (size === 0) return at;
    // Another stream may follow.
    at += size === 0x184c2102 ? 4 : 4 + size;
  }
  if (at > bytes.size) throw new DamagedImage('it ends inside its lz4 data', true);
  return at;
}

/** The format of lzop, as lib/decompress_unlzo.c reads it; numbers are big-endian. */
function lzoEnd(bytes: ByteSource, start: number): number {
  const inside = 'its lzo data';
  const head = start + 9;
  const recent = readWhole(bytes, head, 2, inside).readUInt16BE() >= 0x940;
  const flagsAt = head + (recent ? 8 : 5);
  const flags = readWhole(bytes, flagsAt, 4, inside).readUInt32BE();
  const nameAt = flagsAt + 4 + (flags & 0x800 ? 4 : 0) + (recent ? 12 : 8);
  let at = nameAt + 1 + readWhole(bytes, nameAt, 1, inside).readUInt8() + 4;
  for (;;) {
    const unpacked = readWhole(bytes, at, 4, inside).readUInt32BE();
    if (unpacked === 0) return at + 4;
    const packed = readWhole(bytes, at + 4, 4, inside).readUInt32BE();
    const plainSums = (flags & 1 ? 4 : 0) + (flags & 0x100 ? 4 : 0);
    const packedSums = (flags & 2 ? 4 : 0) + (flags & 0x200 ? 4 : 0);
    at += 8 + plainSums + (packed < unpacked ? packedSums : 0) + packed;
  }
}

/** What bzip2 writes behind the last block, at any bit: the square root of pi. */
const BZIP2_END = 0x177245385090n;

function bzip2End(bytes: ByteSource, at: number): number {
  const { size } = bytes;
  const tail = bytes.read(Math.max(at, size - 11), 11);
  const bits = BigInt(`0x${tail.toString('hex')}`);
  const ended = Array.from({ length: 8 }, (_, pad) => (bits >> BigInt(32 + pad)) & 0xffffffffffffn);
  if (!ended.includes(BZIP2_END)) throw new DamagedImage('its bzip2 data has no end', true);
  return size;
}
