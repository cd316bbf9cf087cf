/** The forms that all tables share, ACPI specification 6.4, chapter 5.2. */

const OEM_ID = 'DOMB  ';

/** A description table: the header of 5.2.6 and a body. */
export function acpiTable(signature: string, revision: number, body: Buffer): Buffer {
  const header = Buffer.alloc(36);
  header.write(signature, 0, 'latin1');
  header.writeUInt32LE(header.length + body.length, 4);
  header.writeUInt8(revision, 8);
  header.write(OEM_ID, 10, 'latin1');
  header.write('DOMBVM  ', 16, 'latin1');
  header.writeUInt32LE(1, 24);
  header.write('DOMB', 28, 'latin1');
  header.writeUInt32LE(1, 32);
  const bytes = Buffer.concat([header, body]);
  bytes.writeUInt8(checksum(bytes), 9);
  return bytes;
}

export const ROOT_POINTER_BYTES = 36;

/** 5.2.5.3, with two checksums: over the first 20 bytes, which are ACPI 1.0's, and over all. */
export function rootPointer(xsdtAt: number): Buffer {
  const bytes = Buffer.alloc(ROOT_POINTER_BYTES);
  bytes.write('RSD PTR ', 0, 'latin1');
  bytes.write(OEM_ID, 9, 'latin1');
  bytes.writeUInt8(2, 15);
  bytes.writeUInt32LE(bytes.length, 20);
  bytes.writeBigUInt64LE(BigInt(xsdtAt), 24);
  bytes.writeUInt8(checksum(bytes.subarray(0, 20)), 8);
  bytes.writeUInt8(checksum(bytes), 32);
  return bytes;
}

/** What makes the sum of all bytes zero. */
function checksum(bytes: Buffer): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** 5.2.3.2, table 5.1: a Generic Address Structure of a register in memory (0) or in I/O space (1). */
export function registerAt(space: 'memory' | 'ports', address: number, bytes: number): Buffer {
  const register = Buffer.alloc(12);
  register.writeUInt8(space === 'ports' ? 1 : 0, 0);
  register.writeUInt8(bytes * 8, 1);
  register.writeBigUInt64LE(BigInt(address), 4);
  return register;
}
