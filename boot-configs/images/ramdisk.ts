import { type ByteSource, readAhead } from './byte-source.ts';
import { compressions } from './compressed.ts';
import { cpioEnd } from './cpio-archive.ts';
import { DamagedImage } from './damaged-image.ts';
import type { KernelFault } from './kernel.ts';

const again = 'copy it again, or make it again';
const archive = 'give a cpio archive (cpio -H newc), compressed or not';
const mixedUp = 'look whether kernel and ramdisk are mixed up';

/** Files that are given for a ramdisk by mistake, by what stands where; Linux unpacks none of them. */
const otherKinds: readonly { offset: number; magic: string; kind: string; hint: string }[] = [
  { offset: 0, magic: '7f454c46', kind: 'an ELF file', hint: mixedUp },
  // Linux Documentation/arch/x86/boot.rst: the setup header's signature.
  { offset: 0x202, magic: '48647253', kind: 'a kernel (bzImage)', hint: mixedUp },
  { offset: 0, magic: '303730373037', kind: 'a cpio archive in the old format', hint: archive },
  {
    offset: 0,
    magic: '04224d18',
    kind: 'compressed with lz4 as Linux does not know it',
    hint: 'compress it with "lz4 -l"',
  },
  { offset: 257, magic: '7573746172', kind: 'a tar archive', hint: archive },
  { offset: 0, magic: '504b0304', kind: 'a zip archive', hint: archive },
];

/** File systems that a kernel can take for its root as a whole, as it did before there were archives. */
const fileSystems: readonly { offset: number; magic: string }[] = [
  { offset: 1080, magic: '53ef' },
  { offset: 0, magic: '68737173' },
  { offset: 0, magic: '453dcd28' },
  { offset: 0, magic: '2d726f6d3166732d' },
];

/**
 * Looks through a ramdisk as Linux unpacks it (init/initramfs.c): archives and compressed data, one behind the other, with zeros
 * between them. Returns what is wrong with it, if anything. What is only strange is wrong for a kernel that is `linux`; another
 * may know what to do with it.
 */
export function inspectRamdisk(source: ByteSource, linux: boolean): KernelFault | undefined {
  if (source.size === 0) return { message: 'the ramdisk is empty', hint: again };
  const bytes = readAhead(source);
  try {
    let at = skipZeros(bytes, 0);
    if (at === bytes.size) return { message: 'the ramdisk is nothing but zeros', hint: again };
    const start = at;
    while (at < bytes.size) {
      const end = partEnd(bytes, at);
      if (end === undefined && at > start)
        throw new DamagedImage(`no archive begins at byte ${at}`);
      if (end === undefined) return strange(bytes, linux);
      at = skipZeros(bytes, end);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof DamagedImage)) throw error;
    const what = error.cut ? 'cut off' : 'damaged';
    return { message: `the ramdisk is ${what}: ${error.message}`, hint: again };
  }
}

/** Bytes that it takes in the domain: Xen's builder unpacks what is compressed with gzip, up to 1 GiB (xg_dom_core.c). */
export function ramdiskSpan(source: ByteSource): number {
  if (source.size < 18 || source.read(0, 2).readUInt16BE() !== 0x1f8b) return source.size;
  const unpacked = source.read(source.size - 4, 4).readUInt32LE();
  return unpacked > 2 ** 30 ? source.size : Math.max(source.size, unpacked);
}

/** Where the archive or the compressed data at `at` ends; undefined when there is neither. */
function partEnd(bytes: ByteSource, at: number): number | undefined {
  const magic = bytes.read(at, 6).toString('hex');
  if (magic === '303730373031' || magic === '303730373032') {
    if (at % 4 !== 0) throw new DamagedImage(`an archive begins at byte ${at}, no multiple of 4`);
    return cpioEnd(bytes, at);
  }
  return compressions.find((each) => magic.startsWith(each.magic))?.end(bytes, at);
}

function strange(bytes: ByteSource, linux: boolean): KernelFault | undefined {
  const start = bytes.read(0, 2048);
  const at = ({ offset, magic }: { offset: number; magic: string }) =>
    start.subarray(offset).toString('hex', 0, magic.length / 2) === magic;
  const known = otherKinds.find(at);
  if (known !== undefined) return { message: `the ramdisk is ${known.kind}`, hint: known.hint };
  if (/^[\t\n\r\f -~\x80-\xff]*$/.test(start.toString('latin1')) && isText(start)) {
    return { message: 'the ramdisk is a text', hint: archive };
  }
  if (!linux || fileSystems.some(at)) return undefined;
  return { message: 'the ramdisk is nothing that Linux unpacks', hint: archive };
}

/** Whether a file begins like UTF-8 text; its start may end inside of a character. */
function isText(start: Buffer): boolean {
  return !start.toString('utf8', 0, start.length - 3).includes('\ufffd');
}

function skipZeros(bytes: ByteSource, from: number): number {
  for (let at = from; at < bytes.size; ) {
    const part = bytes.read(at, 4096);
    const other = part.findIndex((byte) => byte !== 0);
    if (other !== -1) return at + other;
    at += part.length;
  }
  return bytes.size;
}
