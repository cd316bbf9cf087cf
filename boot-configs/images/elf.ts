import type { ByteSource } from './byte-source.ts';

/** What the builder needs to know of an ELF kernel. */
export interface ElfKernel {
  /** e_machine; 62 is x86-64, 3 is i386. */
  machine: number;
  /** Bytes of guest memory that the loaded segments span. */
  span: number;
  /** Descriptors of the notes by Xen, by type. */
  xenNotes: Map<number, Buffer>;
}

// ELF-64 Object File Format: file header, program header.
const HEADER = 64;
const PROGRAM_HEADER = 56;
const PT_LOAD = 1;
const PT_NOTE = 4;

/** Linux has 5 program headers and 500 bytes of notes; the limits bound what a broken file can cost. */
const MAXIMUM_HEADERS = 128;
const MAXIMUM_NOTES = 64 * 1024;

/** Why an ELF file can't be loaded; follows "the kernel". */
export interface ElfFault {
  fault: string;
  /** True when a part of the file is missing. */
  cut: boolean;
}

/**
 * Reads a little-endian ELF-64 file's headers and notes. Returns undefined when `source` is no ELF file at all. What is checked is
 * what Xen's builder checks (elf_init in xen/common/libelf/libelf-loader.c), and that the segments are there.
 */
export function readElf(source: ByteSource): ElfKernel | ElfFault | undefined {
  const header = source.read(0, HEADER);
  // Class 2: 64 bit; data 1: little endian.
  if (header.length < 6 || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
  if (header[4] !== 2 || header[5] !== 1) {
    const kind =
      header[4] === 1 ? 'a 32-bit ELF file' : 'an ELF file with its bytes in another order';
    return { fault: `is ${kind}`, cut: false };
  }
  const cut = (part: string, end: number): ElfFault => ({
    fault: `is cut off: it has ${source.size} bytes, and its ${part} would end at ${end}`,
    cut: true,
  });
  if (header.length < HEADER) return cut('header', HEADER);
  const count = header.readUInt16LE(56);
  if (header.readUInt16LE(54) !== PROGRAM_HEADER || count > MAXIMUM_HEADERS) {
    return { fault: 'is an ELF file with headers that no kernel has', cut: false };
  }
  const tableAt = Number(header.readBigUInt64LE(32));
  const table = source.read(tableAt, count * PROGRAM_HEADER);
  if (table.length < count * PROGRAM_HEADER) {
    return cut('program headers', tableAt + count * PROGRAM_HEADER);
  }
  const sections = header.readUInt16LE(58) * header.readUInt16LE(60);
  const sectionsEnd = Number(header.readBigUInt64LE(40)) + sections;

  const xenNotes = new Map<number, Buffer>();
  let low = Number.MAX_SAFE_INTEGER;
  let high = 0;
  for (let at = 0; at < table.length; at += PROGRAM_HEADER) {
    const type = table.readUInt32LE(at);
    const offset = Number(table.readBigUInt64LE(at + 8));
    const physical = Number(table.readBigUInt64LE(at + 24));
    const fileSize = Number(table.readBigUInt64LE(at + 32));
    const memorySize = Number(table.readBigUInt64LE(at + 40));
    if (type === PT_LOAD) {
      if (offset + fileSize > source.size) return cut('segments', offset + fileSize);
      low = Math.min(low, physical);
      high = Math.max(high, physical + memorySize);
    } else if (type === PT_NOTE) {
      if (offset + fileSize > source.size) return cut('notes', offset + fileSize);
      collectNotes(source.read(offset, Math.min(fileSize, MAXIMUM_NOTES)), xenNotes);
    }
  }
  if (sections > 0 && sectionsEnd > source.size) return cut('section headers', sectionsEnd);
  return { machine: header.readUInt16LE(18), span: Math.max(0, high - low), xenNotes };
}

/** A note is three words (name size, descriptor size, type), the name and the descriptor, each padded to 4 bytes. */
function collectNotes(notes: Buffer, found: Map<number, Buffer>): void {
  let at = 0;
  while (at + 12 <= notes.length) {
    const nameSize = notes.readUInt32LE(at);
    const size = notes.readUInt32LE(at + 4);
    const type = notes.readUInt32LE(at + 8);
    const name = at + 12;
    const descriptor = name + padded(nameSize);
    if (descriptor + size > notes.length) return;
    if (notes.toString('latin1', name, name + nameSize) === 'Xen\0') {
      found.set(type, notes.subarray(descriptor, descriptor + size));
    }
    at = descriptor + padded(size);
  }
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}
