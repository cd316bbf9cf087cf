import assert from 'node:assert/strict';
import type { Hardware } from './exposed-hardware.ts';

/** Where the firmware of a machine with more than 2 GiB puts ACPI's tables: memory that it reserves up to here. */
const RESERVED_END = 0x8000_0000;
const RESERVED_BYTES = 0x3_0000;
/** Offsets in each table's header (ACPI 6.5, 5.2.6). */
const LENGTH = 4;
const CHECKSUM = 9;
const HEADER = 36;

/**
 * Has the firmware's tables say that it reserved a page for the device of a slot on the first bus, as firmware does that drives a
 * device itself (RMRR; VT-d specification, 8.4). QEMU's own tables have none. It must be done before Xen reads them.
 * @param page that lies in reserved memory, as do 4 KiB behind it, which take the new table
 */
export async function reserve(hardware: Hardware, slot: number, page: number): Promise<void> {
  const start = RESERVED_END - RESERVED_BYTES;
  const memory = await hardware.peek(start, RESERVED_BYTES);
  const [rsdt, dmar] = [tableAt(memory, 'RSDT'), tableAt(memory, 'DMAR')];
  const extended = summed(Buffer.concat([dmar.bytes, reservedRegion(slot, page)]));
  const place = page + 0x1000;
  await hardware.poke(place, extended);
  const entry = rsdt.bytes.subarray(HEADER).indexOf(u32(start + dmar.offset)) + HEADER;
  assert.ok(entry >= HEADER, 'no entry for the table of the IOMMU');
  rsdt.bytes.writeUInt32LE(place, entry);
  await hardware.poke(start + rsdt.offset, summed(rsdt.bytes));
}

/** A copy of the table, and where it is. */
function tableAt(memory: Buffer, signature: string): { offset: number; bytes: Buffer } {
  for (let at = memory.indexOf(signature); at >= 0; at = memory.indexOf(signature, at + 1)) {
    const bytes = Buffer.from(memory.subarray(at, at + memory.readUInt32LE(at + LENGTH)));
    if (bytes.length >= HEADER && sum(bytes) === 0) return { offset: at, bytes };
  }
  throw new Error(`there is no table ${signature}`);
}

/** A reserved memory region of one page, for one device: type, length, segment, first and last byte, and its path. */
function reservedRegion(slot: number, page: number): Buffer {
  const region = Buffer.alloc(32);
  region.writeUInt16LE(1, 0);
  region.writeUInt16LE(region.length, 2);
  region.writeBigUInt64LE(BigInt(page), 8);
  region.writeBigUInt64LE(BigInt(page + 0xfff), 16);
  region.set([1, 8, 0, 0, 0, 0, slot, 0], 24);
  return region;
}

/** The table with its length and checksum put right. */
function summed(table: Buffer): Buffer {
  table.writeUInt32LE(table.length, LENGTH);
  table[CHECKSUM] = 0;
  table[CHECKSUM] = -sum(table) & 0xff;
  return table;
}

const sum = (bytes: Buffer) => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
