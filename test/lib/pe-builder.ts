/** Makes small PE32+ images for tests. */

export interface PeShape {
  sections?: readonly { name: string; contents: Uint8Array; virtualSize?: number }[];
  /** Bytes behind the last section, as a linker's symbols. */
  trailer?: Uint8Array;
  /** Bytes of the attribute certificate table. */
  certificates?: Uint8Array;
  /** Data directory entries; below 5 there is none for certificates. */
  directories?: number;
  magic?: 0x10b | 0x20b;
}

/** Offsets in every image that {@link buildPe} makes with 16 directories and PE32+. */
export const at = {
  signature: 0x40,
  sectionCount: 0x46,
  linkTime: 0x48,
  optionalHeaderSize: 0x54,
  magic: 0x58,
  sectionAlignment: 0x58 + 32,
  fileAlignment: 0x58 + 36,
  sizeOfImage: 0x58 + 56,
  sizeOfHeaders: 0x58 + 60,
  checksum: 0x58 + 64,
  directoryCount: 0x58 + 108,
  certificateEntry: 0x58 + 112 + 4 * 8,
  debugEntry: 0x58 + 112 + 6 * 8,
  sectionTable: 0x58 + 112 + 16 * 8,
};

export const fileAlignment = 0x20;
export const sectionAlignment = 0x1000;

export function buildPe(shape: PeShape = {}): Buffer {
  const { sections = [], directories = 16, magic = 0x20b } = shape;
  const countOffset = magic === 0x20b ? 108 : 92;
  const optionalSize = countOffset + 4 + directories * 8;
  const table = at.magic + optionalSize;
  const headers = Buffer.alloc(align(table + sections.length * 40, fileAlignment));
  headers.write('MZ');
  headers.writeUInt32LE(at.signature, 0x3c);
  headers.write('PE\0\0', at.signature);
  headers.writeUInt16LE(0x8664, 0x44);
  headers.writeUInt16LE(sections.length, at.sectionCount);
  headers.writeUInt32LE(0x65000000, at.linkTime);
  headers.writeUInt16LE(optionalSize, at.optionalHeaderSize);
  headers.writeUInt16LE(magic, at.magic);
  headers.writeUInt32LE(sectionAlignment, at.sectionAlignment);
  headers.writeUInt32LE(fileAlignment, at.fileAlignment);
  headers.writeUInt32LE(headers.length, at.sizeOfHeaders);
  headers.writeUInt32LE(0x12345678, at.checksum);
  headers.writeUInt32LE(directories, at.magic + countOffset);

  const parts: Buffer[] = [headers];
  let [file, memory] = [headers.length, sectionAlignment];
  for (const [index, { name, contents, virtualSize = contents.length }] of sections.entries()) {
    const raw = Buffer.alloc(align(contents.length, fileAlignment));
    raw.set(contents);
    const header = table + index * 40;
    headers.write(name, header);
    const fields = [virtualSize, memory, raw.length, raw.length === 0 ? 0 : file];
    for (const [i, value] of fields.entries()) headers.writeUInt32LE(value, header + 8 + 4 * i);
    parts.push(raw);
    file += raw.length;
    memory = align(memory + virtualSize, sectionAlignment);
  }
  headers.writeUInt32LE(memory, at.sizeOfImage);
  const trailer = Buffer.from(shape.trailer ?? []);
  parts.push(trailer);
  file += trailer.length;
  if (shape.certificates) {
    const entry = table - directories * 8 + 4 * 8;
    headers.writeUInt32LE(file, entry);
    headers.writeUInt32LE(shape.certificates.length, entry + 4);
    parts.push(Buffer.from(shape.certificates));
  }
  return Buffer.concat(parts);
}

function align(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
