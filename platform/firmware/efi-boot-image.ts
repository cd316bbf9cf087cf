import { readFile, rm } from 'node:fs/promises';
import type { Piece } from '../../initramfs/cpio.ts';
import { kernelOptions } from '../images/command-lines.ts';
import { filePiece, writePieces } from '../lib/pieces.ts';
import { type SigningKey, signFile } from './sign.ts';
import { unifiedImage } from './unified-image.ts';

export interface EfiBootParts {
  /** Files: Xen as an EFI application, the FLASK policy, and domB's kernel. */
  xenEfi: string;
  policy: string;
  bzImage: string;
  /** domB's initramfs. */
  initramfs: readonly Piece[];
}

/** Writes the EFI application that boots a platform to `output`, signed when there is a key. */
export async function efiBootImage(
  { xenEfi, policy, bzImage, initramfs }: EfiBootParts,
  hypervisorOptions: readonly string[],
  output: string,
  key?: SigningKey,
): Promise<void> {
  const image = unifiedImage({
    xenEfi: await readFile(xenEfi),
    options: hypervisorOptions,
    kernel: filePiece(bzImage),
    kernelOptions,
    initramfs,
    policy: filePiece(policy),
  });
  if (!key) {
    await writePieces(output, image);
    return;
  }
  // Beside it, as it may be large.
  const unsigned = `${output}.unsigned`;
  try {
    await writePieces(unsigned, image);
    await signFile(unsigned, output, key);
  } finally {
    await rm(unsigned, { force: true });
  }
}
