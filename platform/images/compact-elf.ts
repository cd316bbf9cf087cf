/** ELF-64, little endian (System V ABI, "Object Files"): offsets in the file header and in a program header. */
const HEADER_SIZE = 64;
const HEADER = { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58 } as const;
const PROGRAM = { type: 0, offset: 8, fileSize: 32, align: 48 } as const;
const PT_LOAD = 1;

const PAGE = 4096;

/** A part of the new file. */
interface Part {
  from: number;
  to: number;
  size: number;
}

/**
 * The same program with nothing stored but what is loaded, and of that no zeros at the end of a segment: whoever loads a segment
 * puts zeros where its memory is larger than what the file has of it. Of a Linux kernel that leaves out what follows its data (.bss,
 * .brk, .init.scratch), section headers, and the relocations behind the ELF file: nearly half of it. What comes into memory and
 * the notes stay as they are. Segments begin at multiples of a page in the file.
 */
export function compactElf(elf: Buffer): Buffer {
  const count = elf.readUInt16LE(HEADER.phnum);
  const entry = elf.readUInt16LE(HEADER.phentsize);
  const table = Number(elf.readBigUInt64LE(HEADER.phoff));
  const headers = Array.from({ length: count }, (_, index) =>
    Buffer.from(elf.subarray(table + index * entry, table + (index + 1) * entry)),
  );
  let end = HEADER_SIZE + count * entry;
  const place = (from: number, size: number): Part => {
    const to = align(end);
    end = to + size;
    return { from, to, size };
  };
  const loaded = new Map<Buffer, Part>();
  for (const header of headers) {
    if (header.readUInt32LE(PROGRAM.type) !== PT_LOAD) continue;
    const from = offsetOf(header);
    const part = place(from, lengthWithoutZeros(elf, from, sizeOf(header)));
    loaded.set(header, part);
    header.writeBigUInt64LE(BigInt(part.to), PROGRAM.offset);
    header.writeBigUInt64LE(BigInt(part.size), PROGRAM.fileSize);
    header.writeBigUInt64LE(BigInt(PAGE), PROGRAM.align);
  }
  const parts = [...loaded.values()];
  for (const header of headers) {
    if (loaded.has(header)) continue;
    const [from, size] = [offsetOf(header), sizeOf(header)];
    // Notes lie within a segment that is loaded, as a rule.
    const around = parts.find((p) => p.from <= from && from + size <= p.from + p.size);
    const to = around ? around.to + (from - around.from) : place(from, size).to;
    if (!around) parts.push({ from, to, size });
    header.writeBigUInt64LE(BigInt(to), PROGRAM.offset);
  }
  const compact = Buffer.alloc(end);
  elf.copy(compact, 0, 0, HEADER_SIZE);
  compact.writeBigUInt64LE(BigInt(HEADER_SIZE), HEADER.phoff);
  compact.writeBigUInt64LE(0n, HEADER.shoff);
  // Size of a section header, their number, and the index of the one that has their names.
  compact.fill(0, HEADER.shentsize, HEADER_SIZE);
  for (const [index, header] of headers.entries())
    header.copy(compact, HEADER_SIZE + index * entry);
  for (const { from, to, size } of parts) elf.copy(compact, to, from, from + size);
  return compact;
}

const offsetOf = (header: Buffer) => Number(header.readBigUInt64LE(PROGRAM.offset));
const sizeOf = (header: Buffer) => Number(header.readBigUInt64LE(PROGRAM.fileSize));

function lengthWithoutZeros(bytes: Buffer, from: number, size: number): number {
  let length = size;
  while (length > 0 && bytes[from + length - 1] === 0) length -= 1;
  return length;
}

const align = (value: number) => Math.ceil(value / PAGE) * PAGE;
