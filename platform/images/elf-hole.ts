/** ELF-64, little endian (System V ABI, "Object Files"): offsets in the file header and in a program header. */
const HEADER = { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58 } as const;
const HEADER_SIZE = 64;
const PROGRAM = {
  type: 0,
  offset: 8,
  address: 16,
  physical: 24,
  fileSize: 32,
  memorySize: 40,
  align: 48,
} as const;
const PT_LOAD = 1;
const PT_NULL = 0;
const PT_NOTE = 4;
/** Where a program's tables for unwinding begin (Linux Standard Base, "Program Header Extensions"). */
const PT_GNU_EH_FRAME = 0x6474e550;

const PAGE = 4096n;

/** Bytes that are in a program's memory, at an address. */
export interface MemoryRange {
  address: bigint;
  size: bigint;
}

/** Where in the file of a program the bytes at an address are. */
export function fileOffset(elf: Buffer, address: bigint): number {
  const { headers } = programHeaders(elf);
  const header = headers.find((each) => loads(each) && contains(each, address));
  if (!header) throw new Error(`the program loads nothing at 0x${address.toString(16)}`);
  return Number(get(header, 'offset') + address - get(header, 'address'));
}

/** Has a program say, in place, that it has no tables for unwinding. */
export function forgetUnwinding(elf: Buffer): void {
  const { headers, table, entry } = programHeaders(elf);
  const index = headers.findIndex((each) => each.readUInt32LE(PROGRAM.type) === PT_GNU_EH_FRAME);
  if (index < 0) throw new Error('the program has no tables for unwinding');
  elf.writeUInt32LE(PT_NULL, table + index * entry + PROGRAM.type);
}

/**
 * The same program without the whole pages of a part of its memory: they are neither in the file nor in memory, and whoever reads there
 * ends with SIGSEGV. The segment becomes two, and the new one takes the place of the program's notes, which nobody needs
 * to run it; section headers go, too.
 * @throws Error when no segment has that part, or when there are no notes
 */
export function withoutPages(elf: Buffer, range: MemoryRange): Buffer {
  const from = roundUp(range.address);
  const to = ((range.address + range.size) / PAGE) * PAGE;
  const { headers, table, entry } = programHeaders(elf);
  const split = headers.find((each) => loads(each) && contains(each, from) && contains(each, to));
  const notes = headers.findIndex((each) => each.readUInt32LE(PROGRAM.type) === PT_NOTE);
  if (!split || to <= from) {
    throw new Error(`no segment of the program has 0x${from.toString(16)} to 0x${to.toString(16)}`);
  }
  if (notes < 0) throw new Error('the program has no notes whose place a segment could take');
  const cut = to - from;
  const cutAt = get(split, 'offset') + from - get(split, 'address');
  const rest = Buffer.from(split);
  const before = from - get(split, 'address');
  for (const field of ['offset', 'address', 'physical'] as const) {
    put(rest, field, get(split, field) + before + cut);
  }
  for (const field of ['fileSize', 'memorySize'] as const) {
    put(rest, field, get(split, field) - before - cut);
    put(split, field, before);
  }
  const kept = headers.filter((_, index) => index !== notes);
  // Loaders want segments in the order of their addresses.
  kept.splice(kept.indexOf(split) + 1, 0, rest);
  for (const header of kept) {
    if (get(header, 'offset') > cutAt) {
      put(header, 'offset', get(header, 'offset') - cut);
      if (loads(header)) put(header, 'align', PAGE);
    }
  }
  const end = Math.max(
    ...kept.filter(loads).map((each) => Number(get(each, 'offset') + get(each, 'fileSize'))),
  );
  const made = Buffer.concat([
    elf.subarray(0, Number(cutAt)),
    elf.subarray(Number(cutAt + cut)),
  ]).subarray(0, end);
  for (const [index, header] of kept.entries()) header.copy(made, table + index * entry);
  made.writeBigUInt64LE(0n, HEADER.shoff);
  // Size of a section header, their number, and the index of the one that has their names.
  made.fill(0, HEADER.shentsize, HEADER_SIZE);
  return made;
}

function programHeaders(elf: Buffer): { headers: Buffer[]; table: number; entry: number } {
  const count = elf.readUInt16LE(HEADER.phnum);
  const entry = elf.readUInt16LE(HEADER.phentsize);
  const table = Number(elf.readBigUInt64LE(HEADER.phoff));
  const headers = Array.from({ length: count }, (_, index) =>
    Buffer.from(elf.subarray(table + index * entry, table + (index + 1) * entry)),
  );
  return { headers, table, entry };
}

type Field = 'offset' | 'address' | 'physical' | 'fileSize' | 'memorySize' | 'align';

const get = (header: Buffer, field: Field) => header.readBigUInt64LE(PROGRAM[field]);
const put = (header: Buffer, field: Field, value: bigint) =>
  header.writeBigUInt64LE(value, PROGRAM[field]);
const loads = (header: Buffer) => header.readUInt32LE(PROGRAM.type) === PT_LOAD;
const contains = (header: Buffer, address: bigint) =>
  get(header, 'address') <= address && address < get(header, 'address') + get(header, 'fileSize');
const roundUp = (address: bigint) => ((address + PAGE - 1n) / PAGE) * PAGE;
