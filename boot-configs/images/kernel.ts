import type { DomainSettings } from '../manifest.ts';
import type { ByteSource } from './byte-source.ts';
import { type ElfKernel, readElf } from './elf.ts';

/** Why the builder can't load a kernel. */
export interface KernelFault {
  message: string;
  hint: string;
}

const EM_X86_64 = 62;

// Types of Xen's ELF notes, xen/include/public/elfnote.h.
const XEN_VERSION = 5;
const GUEST_OS = 6;
const LOADER = 8;
const PHYS32_ENTRY = 18;

const unpack =
  'unpack it to the ELF file inside, for example with extract-vmlinux of the Linux source';

/** Files that are often given for a kernel, by what stands where. */
const otherKinds: readonly { offset: number; magic: string; kind: string; hint: string }[] = [
  // Linux Documentation/arch/x86/boot.rst: the setup header's signature.
  { offset: 0x202, magic: '48647253', kind: 'a bzImage', hint: unpack },
  { offset: 0, magic: '1f8b', kind: 'compressed with gzip', hint: unpack },
  { offset: 0, magic: 'fd377a585a00', kind: 'compressed with xz', hint: unpack },
  { offset: 0, magic: '28b52ffd', kind: 'compressed with zstd', hint: unpack },
  { offset: 0, magic: '02214c18', kind: 'compressed with lz4', hint: unpack },
  {
    offset: 0,
    magic: '303730373031',
    kind: 'a cpio archive',
    hint: 'look whether kernel and ramdisk are mixed up',
  },
  { offset: 0, magic: '425a68', kind: 'compressed with bzip2', hint: unpack },
  { offset: 0, magic: '894c5a4f', kind: 'compressed with lzo', hint: unpack },
  { offset: 0, magic: '4d5a', kind: 'an EFI program', hint: unpack },
];

/**
 * Reads a kernel's headers: what Xen's builder would load for a domain of this `type`, or why it would refuse. The
 * rules are those of libelf and libxenguest (xen/common/libelf/libelf-dominfo.c, tools/libs/guest/xg_dom_elfloader.c).
 */
export function inspectKernel(
  source: ByteSource,
  type: DomainSettings['type'],
): ElfKernel | KernelFault {
  const elf = readElf(source);
  if (elf === undefined) return notElf(source);
  if ('fault' in elf) {
    return {
      message: `the kernel ${elf.fault}`,
      hint: elf.cut ? 'copy it again, or make it again' : 'give a 64-bit x86 kernel (vmlinux)',
    };
  }
  if (elf.machine !== EM_X86_64) {
    return {
      message: `the kernel is for another machine (ELF e_machine ${elf.machine})`,
      hint: 'give a 64-bit x86 kernel',
    };
  }
  if (type !== 'pv') {
    if (elf.xenNotes.has(PHYS32_ENTRY)) return elf;
    return {
      message: `the kernel has no PVH entry (ELF note PHYS32_ENTRY), where a domain of type ${type} starts`,
      hint: 'build it with CONFIG_PVH, or write "type: pv"',
    };
  }
  const loadable =
    text(elf, LOADER).startsWith('generic') || text(elf, GUEST_OS).startsWith('linux');
  if (loadable && text(elf, XEN_VERSION).startsWith('xen-3.0')) return elf;
  return {
    message: "the kernel has no PV entry (Xen's ELF notes are missing or incomplete)",
    hint: elf.xenNotes.has(PHYS32_ENTRY)
      ? 'build it with CONFIG_XEN_PV, or write "type: pvh"'
      : 'build it with CONFIG_XEN_PV; a stripped kernel must keep its ELF notes',
  };
}

/** Whether the kernel says that it is Linux. */
export function isLinux(elf: ElfKernel): boolean {
  return text(elf, GUEST_OS).startsWith('linux');
}

export function isFault(kernel: ElfKernel | KernelFault): kernel is KernelFault {
  return 'hint' in kernel;
}

function notElf(source: ByteSource): KernelFault {
  const start = source.read(0, 0x206);
  const known = otherKinds.find(({ offset, magic }) =>
    start.subarray(offset).toString('hex').startsWith(magic),
  );
  return {
    message: `the kernel is not an ELF file that Xen can load but ${known?.kind ?? unknownKind(start)}`,
    hint: known?.hint ?? 'give an uncompressed 64-bit ELF kernel (vmlinux)',
  };
}

/** What a file is that has no mark of its own. */
function unknownKind(start: Buffer): string {
  if (start.length === 0) return 'empty';
  return /^[\t\n\r\f -~]*$/.test(start.toString('latin1')) ? 'a text' : 'something unknown';
}

function text(elf: ElfKernel, note: number): string {
  return elf.xenNotes.get(note)?.toString('latin1') ?? '';
}
