/** Makes small ELF-64 files for tests. */
export interface ElfOptions {
  machine?: number;
  /** Notes by the owner "Xen": type and descriptor. */
  notes?: readonly (readonly [type: number, descriptor: string])[];
  /** Owner of the notes. */
  owner?: string;
  /** Bytes of memory of the one segment that is loaded. */
  span?: number;
}

export const pvNotes = [
  [6, 'linux\0'],
  [5, 'xen-3.0\0'],
  [8, 'generic\0'],
] as const;
export const pvhNote = [18, '\x50\x08\0\x01\0\0\0\0'] as const;

export function elf({ machine = 62, notes = [], owner = 'Xen', span = 4096 }: ElfOptions): Buffer {
  const noteBytes = Buffer.concat(notes.map(([type, descriptor]) => note(owner, type, descriptor)));
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  const notesAt = 64 + 2 * 56;
  return Buffer.concat([
    header,
    programHeader(1, 0, 64, span),
    programHeader(4, notesAt, noteBytes.length, noteBytes.length),
    noteBytes,
  ]);
}

function programHeader(type: number, offset: number, fileSize: number, memorySize: number): Buffer {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(type, 0);
  bytes.writeBigUInt64LE(BigInt(offset), 8);
  bytes.writeBigUInt64LE(0x1000000n, 24);
  bytes.writeBigUInt64LE(BigInt(fileSize), 32);
  bytes.writeBigUInt64LE(BigInt(memorySize), 40);
  return bytes;
}

function note(owner: string, type: number, descriptor: string): Buffer {
  const words = Buffer.alloc(12);
  words.writeUInt32LE(owner.length + 1, 0);
  words.writeUInt32LE(descriptor.length, 4);
  words.writeUInt32LE(type, 8);
  return Buffer.concat([words, padded(`${owner}\0`), padded(descriptor)]);
}

function padded(text: string): Buffer {
  return Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4, '\0'), 'latin1');
}
