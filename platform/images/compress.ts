import { constants, zstdCompressSync } from 'node:zlib';

/**
 * Compresses an initramfs with zstd, at a level that a build can afford.
 *
 * zstd, because libxc unpacks gzip ramdisks itself and then finds them too large, and passes zstd on untouched; and
 * because Linux unpacks it several times as fast as xz.
 */
export function compress(archive: Uint8Array): Buffer {
  return zstdCompressSync(archive, {
    params: { [constants.ZSTD_c_compressionLevel]: 12 },
    // The frame then carries its size, which lets Linux unpack in one pass.
    pledgedSrcSize: archive.byteLength,
  });
}
