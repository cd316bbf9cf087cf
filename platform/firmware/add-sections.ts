import type { Piece } from '../../initramfs/cpio.ts';
import {
  fileOrder,
  PeError,
  type PeImage,
  parsePe,
  SECTION_HEADER_SIZE,
} from '../../measurement/firmware/pe.ts';
import { lengthOf } from '../lib/pieces.ts';

export interface NewSection {
  /** A dot and at most 7 more ASCII characters. */
  name: string;
  contents: readonly Piece[];
}

/** IMAGE_SCN_CNT_INITIALIZED_DATA, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE: Xen parses its configuration in place. */
const CHARACTERISTICS = 0xc0000040;

/** Index of the debug data in the data directories. */
const DEBUG_DIRECTORY = 6;
/** Size of an IMAGE_DEBUG_DIRECTORY, whose last field is the offset of its data in the file. */
const DEBUG_ENTRY_SIZE = 28;

/**
 * Returns the pieces of a PE image with further sections, at rising addresses behind the present ones. The result depends on nothing
 * but the arguments: symbols, which nobody loads, the link time, and the checksum, which firmware ignores, are left out.
 * @throws {PeError} when `bytes` is no PE image, is signed, or cannot take the sections
 */
export function addSections(bytes: Uint8Array, added: readonly NewSection[]): Piece[] {
  const image = parsePe(bytes, bytes.length);
  if (image.certificates) {
    throw new PeError('PE image: it is signed already', 'add the sections first, then sign');
  }
  const { fileAlignment, sectionAlignment, sections } = image;
  const tableEnd = image.sectionTable + sections.length * SECTION_HEADER_SIZE;
  const sizeOfHeaders = align(tableEnd + added.length * SECTION_HEADER_SIZE, fileAlignment);
  const last = fileOrder(sections).at(-1);
  const body = Buffer.from(
    bytes.subarray(image.sizeOfHeaders, last ? last.rawOffset + last.rawSize : image.sizeOfHeaders),
  );
  const header = Buffer.alloc(sizeOfHeaders);
  header.set(bytes.subarray(0, tableEnd));
  moveContents(image, header, body, sizeOfHeaders - image.sizeOfHeaders);

  const parts: Piece[] = [header, body];
  let fileEnd = header.length + body.length;
  let memoryEnd = Math.max(0, ...sections.map((s) => s.virtualAddress + s.virtualSize));
  for (const [index, { name, contents }] of added.entries()) {
    checkName(name, image);
    const rawOffset = align(fileEnd, fileAlignment);
    const length = lengthOf(contents);
    const rawSize = align(length, fileAlignment);
    const virtualAddress = align(memoryEnd, sectionAlignment);
    parts.push(Buffer.alloc(rawOffset - fileEnd), ...contents, Buffer.alloc(rawSize - length));
    fileEnd = rawOffset + rawSize;
    memoryEnd = virtualAddress + length;
    if (Math.max(fileEnd, align(memoryEnd, sectionAlignment)) > 0xffffffff) {
      throw new PeError(`PE image: over 4 GiB with section ${name}`, 'leave images out');
    }
    const at = tableEnd + index * SECTION_HEADER_SIZE;
    header.write(name, at, 'latin1');
    const fields = [length, virtualAddress, rawSize, rawOffset];
    for (const [i, value] of fields.entries()) header.writeUInt32LE(value, at + 8 + 4 * i);
    header.writeUInt32LE(CHARACTERISTICS, at + 36);
  }
  header.writeUInt16LE(sections.length + added.length, image.fileHeader + 2);
  header.fill(0, image.fileHeader + 4, image.fileHeader + 16); // link time, symbol table and count
  header.writeUInt32LE(align(memoryEnd, sectionAlignment), image.optionalHeader + 56); // SizeOfImage
  header.writeUInt32LE(sizeOfHeaders, image.optionalHeader + 60);
  header.fill(0, image.checksum, image.checksum + 4);
  return parts;
}

/** Makes headers and debug directory say that all contents stand `shift` bytes further behind in the file. */
function moveContents(image: PeImage, header: Buffer, body: Buffer, shift: number): void {
  for (const [index, { rawSize, rawOffset }] of image.sections.entries()) {
    const at = image.sectionTable + index * SECTION_HEADER_SIZE + 20;
    if (rawSize > 0) header.writeUInt32LE(rawOffset + shift, at);
  }
  if (image.dataDirectoryCount <= DEBUG_DIRECTORY) return;
  const entry = image.dataDirectories + DEBUG_DIRECTORY * 8;
  const [address, size] = [header.readUInt32LE(entry), header.readUInt32LE(entry + 4)];
  const section = image.sections.find(
    ({ virtualAddress, rawSize }) =>
      address >= virtualAddress && address + size <= virtualAddress + rawSize,
  );
  if (size === 0 || !section) return;
  const start = address - section.virtualAddress + section.rawOffset - image.sizeOfHeaders;
  for (let at = start; at + DEBUG_ENTRY_SIZE <= start + size; at += DEBUG_ENTRY_SIZE) {
    const pointer = body.readUInt32LE(at + 24);
    if (pointer !== 0) body.writeUInt32LE(pointer + shift, at + 24);
  }
}

function checkName(name: string, image: PeImage): void {
  if (!/^\.[!-~]{1,7}$/.test(name)) throw new PeError(`PE image: ${name} cannot name a section`);
  if (image.sections.some((section) => section.name === name)) {
    throw new PeError(
      `PE image: it has a section ${name} already`,
      'start from an xen.efi as Xen builds it',
    );
  }
}

function align(value: number, alignment: number): number {
  if (alignment < 1) throw new PeError(`PE image: alignment ${alignment}`);
  return Math.ceil(value / alignment) * alignment;
}
