import { readFile } from 'node:fs/promises';
import { kernelOptions } from '../images/command-lines.ts';
import { type SigningKey, signImage } from './sign.ts';
import { unifiedImage } from './unified-image.ts';

export interface EfiBootParts {
  /** Files: Xen as an EFI application, the FLASK policy, and domB's kernel. */
  xenEfi: string;
  policy: string;
  bzImage: string;
  /** domB's initramfs. */
  initramfs: Uint8Array;
}

/** Makes the EFI application that boots a platform, and signs it when there is a key. */
export async function efiBootImage(
  { xenEfi, policy, bzImage, initramfs }: EfiBootParts,
  hypervisorOptions: readonly string[],
  key?: SigningKey,
): Promise<Buffer> {
  const image = unifiedImage({
    xenEfi: await readFile(xenEfi),
    options: hypervisorOptions,
    kernel: await readFile(bzImage),
    kernelOptions,
    initramfs,
    policy: await readFile(policy),
  });
  return key ? signImage(image, key) : image;
}
