import { constants, zstdCompressSync } from 'node:zlib';

/**
 * `small` is for what is made once and goes into every image: it takes five times as long and saves a tenth; unpacking takes the same.
 * `fast` is for what is made anew for each image.
 */
type Level = keyof typeof levels;
const levels = { fast: 3, quick: 12, small: 19 } as const;

/**
 * Compresses an initramfs with zstd, at a level that a build can afford.
 *
 * zstd, because libxc unpacks gzip ramdisks itself and then finds them too large, and passes zstd on untouched; and
 * because Linux unpacks it several times as fast as xz.
 */
export function compress(archive: Uint8Array, level: Level = 'quick'): Buffer {
  return zstdCompressSync(archive, {
    params: { [constants.ZSTD_c_compressionLevel]: levels[level] },
    // The frame then carries its size, which lets Linux unpack in one pass.
    pledgedSrcSize: archive.byteLength,
  });
}
