import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { RunError, runBytes } from '../lib/run.ts';

// Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

/**
 * Unpacks the compressed payload of a bzImage: the ELF kernel that libxc would unpack at every boot.
 * @throws {@link RunError} when it is no bzImage, or its compression is not known: xz, zstd and gzip are
 */
export async function unpackBzImage(image: Buffer): Promise<Buffer> {
  if (image.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS') {
    throw new RunError('not a bzImage: no HdrS at offset 0x202', 'name a Linux kernel for x86-64');
  }
  const protectedMode = (image.readUInt8(SETUP_SECTS) + 1) * 512;
  const start = protectedMode + image.readUInt32LE(PAYLOAD_OFFSET);
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH));
  const elf = await decompress(payload);
  if (elf.toString('latin1', 0, 4) !== '\x7fELF') {
    throw new RunError('bzImage: its payload is no ELF file', 'name a Linux kernel for x86-64');
  }
  return elf;
}

async function decompress(payload: Buffer): Promise<Buffer> {
  const magic = payload.toString('hex', 0, 6);
  if (magic.startsWith('1f8b')) return gunzipSync(payload);
  // It ends with the unpacked size (4 bytes), which is part of gzip's own format, and which the others must not see.
  const packed = payload.subarray(0, -4);
  if (magic === 'fd377a585a00') return runBytes('xz', ['-dc'], { input: packed });
  if (magic.startsWith('28b52ffd')) return zstdDecompressSync(packed);
  throw new RunError(
    `bzImage: its payload has an unknown compression (starts with ${magic})`,
    'take a kernel that is compressed with xz, zstd or gzip, as those of Debian are',
  );
}
