import type { Piece } from '../../initramfs/cpio.ts';
import { parsePe } from '../../measurement/firmware/pe.ts';
import { addSections } from './add-sections.ts';

export interface UnifiedImageParts {
  /** Xen as an EFI application. */
  xenEfi: Uint8Array;
  /** Xen's command line. */
  options: readonly string[];
  /** Kernel of the first domain, anything that Xen boots as such, and its command line. */
  kernel: Piece;
  kernelOptions: readonly string[];
  initramfs: readonly Piece[];
  /** FLASK policy. */
  policy: Piece;
}

/** Sections that Xen looks for in its own image before it looks for files. Xen docs/misc/efi.pandoc. */
const SECTIONS = ['.config', '.kernel', '.ramdisk', '.xsm'];

/** IMAGE_FILE_MACHINE_AMD64. */
const AMD64 = 0x8664;

/**
 * Makes one EFI application, as pieces, of everything that starts before the manifest is read: Xen, its options, domB's kernel with its
 * command line, domB's initramfs and the FLASK policy. Firmware measures it as one, and one signature covers it.
 * The same parts give the same bytes.
 * @throws {PeError} when `xenEfi` is no Xen for x86-64, or a part of it is there already
 */
export function unifiedImage(parts: UnifiedImageParts): Piece[] {
  const { xenEfi, kernel, initramfs, policy } = parts;
  const { machine } = parsePe(xenEfi, xenEfi.length);
  if (machine !== AMD64)
    throw new Error(`xen.efi is for machine 0x${machine.toString(16)}, not x86-64`);
  const contents = [[Buffer.from(configuration(parts))], [kernel], initramfs, [policy]];
  return addSections(
    xenEfi,
    SECTIONS.map((name, index) => ({ name, contents: contents[index] ?? [] })),
  );
}

/**
 * Xen's configuration file. `kernel` has to name something, although the section is taken, or Xen looks for another
 * configuration; what follows the name is the kernel's command line.
 */
function configuration({ options, kernelOptions }: UnifiedImageParts): string {
  const line = (words: readonly string[]) => {
    const text = words.join(' ');
    // To Xen a "#" begins a comment wherever it stands, and there is no way to quote it.
    if (!/^[ -"$-~]*$/.test(text)) {
      throw new Error(
        `Xen's configuration cannot hold ${JSON.stringify(text)}: only ASCII without "#"`,
      );
    }
    return text;
  };
  return [
    '[global]',
    'default=domb',
    '[domb]',
    `options=${line(options)}`,
    `kernel=domb ${line(kernelOptions)}`,
    '',
  ].join('\n');
}
