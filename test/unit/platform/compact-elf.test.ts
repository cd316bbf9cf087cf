import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspectKernel } from '../../../boot-configs/images/kernel.ts';
import { compactElf } from '../../../platform/images/compact-elf.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

/** Type, flags, addresses, memory size and contents of each program header, as a loader has them. */
function loaded(file: Buffer) {
  const table = Number(file.readBigUInt64LE(32));
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const header = file.subarray(table + index * 56, table + (index + 1) * 56);
    const [from, size] = [header.readBigUInt64LE(8), header.readBigUInt64LE(32)].map(Number);
    const memory = Buffer.alloc(Number(header.readBigUInt64LE(40)));
    file.copy(memory, 0, from, (from ?? 0) + (size ?? 0));
    return [header.toString('hex', 0, 8), header.toString('hex', 16, 32), memory];
  });
}

/** The notes within a segment of `stored` bytes that ends in zeros, and what no loader reads behind it. */
function kernel(stored: number, notesAt: number): Buffer {
  const small = elf({ notes: pvNotes, span: 16 * 4096 });
  const notes = small.subarray(64 + 2 * 56);
  const file = Buffer.alloc(0x3000 + stored + 5000);
  small.copy(file, 0, 0, 64 + 2 * 56);
  file.writeBigUInt64LE(BigInt(file.length - 64), 40);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(1, 60);
  file.fill('sections and relocations', 0x3000 + stored);
  const first = 64;
  file.writeBigUInt64LE(0x3000n, first + 8);
  file.writeBigUInt64LE(BigInt(stored), first + 32);
  file.write('code', 0x3000);
  file.write('data', 0x3000 + 5000);
  file.writeBigUInt64LE(BigInt(notesAt), first + 56 + 8);
  notes.copy(file, notesAt);
  return file;
}

for (const [where, notesAt] of [
  ['in a segment', 0x3000 + 100],
  ['beside it', 0x1000],
] as const) {
  test(`a kernel without stored zeros loads as before, its notes ${where}`, () => {
    const before = kernel(60_000, notesAt);
    const after = compactElf(before);
    assert.deepEqual(loaded(after), loaded(before));
    assert.ok(after.length < 4 * 4096, `${after.length} of ${before.length} bytes`);
    assert.equal(after.includes('relocations'), false);
    // No section headers, which would be looked for behind the end.
    assert.equal(after.readBigUInt64LE(40), 0n);
    const source = {
      size: after.length,
      read: (offset: number, length: number) => after.subarray(offset, offset + length),
    };
    const found = inspectKernel(source, 'pv');
    assert.equal('hint' in found ? found.message : found.span, 16 * 4096);
    assert.deepEqual(compactElf(after), after);
  });
}
