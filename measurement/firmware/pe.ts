/**
 * Reads the headers of PE/COFF images, as UEFI applications are. Microsoft PE Format, "File Headers", "Optional Header" and
 * "Section Table". Only what a digest over the file, or adding sections to it, needs.
 */

/** The file is no PE image, or one whose parts contradict each other. */
export class PeError extends Error {
  readonly hint: string;

  constructor(message: string, hint = 'give an intact EFI application (PE32 or PE32+)') {
    super(message);
    this.name = 'PeError';
    this.hint = hint;
  }
}

export interface PeSection {
  name: string;
  virtualSize: number;
  virtualAddress: number;
  /** Where the section's contents are in the file; size 0 for a section without any, whatever the offset says. */
  rawOffset: number;
  rawSize: number;
}

export interface PeImage {
  /** IMAGE_FILE_MACHINE_*; 0x8664 is x86-64. */
  machine: number;
  /** Offset of the COFF file header, behind the signature `PE\0\0`. */
  fileHeader: number;
  /** Offset of the optional header. */
  optionalHeader: number;
  /** Offset of the first section header. */
  sectionTable: number;
  fileAlignment: number;
  sectionAlignment: number;
  sizeOfHeaders: number;
  /** Offset of the 4-byte field CheckSum. */
  checksum: number;
  /** Offset of the first data directory entry (8 bytes each), and how many there are. */
  dataDirectories: number;
  dataDirectoryCount: number;
  /** The attribute certificate table, when the file has one. It ends the file. */
  certificates: { offset: number; size: number } | undefined;
  sections: PeSection[];
}

/** Headers larger than this are not believed; 96 section headers, as many as Windows takes, need 4 KiB. */
export const MAX_HEADERS = 1 << 16;

/** Index of the attribute certificate table in the data directories. */
export const CERTIFICATE_DIRECTORY = 4;

export const FILE_HEADER_SIZE = 20;
export const SECTION_HEADER_SIZE = 40;

const MAGIC_PE32 = 0x10b;
const MAGIC_PE32_PLUS = 0x20b;
/** Offset of NumberOfRvaAndSizes in the optional header; the data directories follow it. */
const DIRECTORY_COUNT = new Map([
  [MAGIC_PE32, 92],
  [MAGIC_PE32_PLUS, 108],
]);

/**
 * Parses and checks the headers. Safe on hostile input: every offset and size is compared with the file's size before it
 * is used, and work is bounded by {@link MAX_HEADERS}.
 * @param start the file's first bytes: all of it, or at least {@link MAX_HEADERS}
 * @param fileSize the whole file's size in bytes
 * @throws {PeError}
 */
export function parsePe(start: Uint8Array, fileSize: number): PeImage {
  const bytes = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, MAX_HEADERS));
  if (start.length > fileSize || start.length < Math.min(fileSize, MAX_HEADERS)) {
    throw new RangeError('the first bytes of the file are not all there');
  }
  need(bytes, 0x40, 'DOS header');
  if (bytes.toString('latin1', 0, 2) !== 'MZ') throw new PeError('PE image: no "MZ" at its start');
  const signature = bytes.readUInt32LE(0x3c);
  const fileHeader = signature + 4;
  const optionalHeader = fileHeader + FILE_HEADER_SIZE;
  need(bytes, optionalHeader, 'file header');
  if (bytes.toString('latin1', signature, fileHeader) !== 'PE\0\0') {
    throw new PeError(`PE image: no signature at byte ${signature}`);
  }
  const optionalSize = bytes.readUInt16LE(fileHeader + 16);
  const sectionTable = optionalHeader + optionalSize;
  need(bytes, sectionTable, 'optional header');
  const magic = optionalSize >= 2 ? bytes.readUInt16LE(optionalHeader) : 0;
  const countOffset = DIRECTORY_COUNT.get(magic);
  if (countOffset === undefined) throw new PeError(`PE image: optional header magic ${hex(magic)}`);
  const dataDirectories = optionalHeader + countOffset + 4;
  if (dataDirectories > sectionTable) throw new PeError('PE image: optional header is cut off');
  const dataDirectoryCount = bytes.readUInt32LE(dataDirectories - 4);
  if (dataDirectories + dataDirectoryCount * 8 > sectionTable) {
    throw new PeError(`PE image: no room for ${dataDirectoryCount} data directories`);
  }
  const sectionCount = bytes.readUInt16LE(fileHeader + 2);
  const sectionTableEnd = sectionTable + sectionCount * SECTION_HEADER_SIZE;
  need(bytes, sectionTableEnd, 'section table');
  const sizeOfHeaders = bytes.readUInt32LE(optionalHeader + 60);
  if (sizeOfHeaders < sectionTableEnd || sizeOfHeaders > Math.min(fileSize, MAX_HEADERS)) {
    throw new PeError(`PE image: headers of ${sizeOfHeaders} bytes cannot be`);
  }
  const sections = readSections(bytes, sectionTable, sectionCount);
  const image: PeImage = {
    machine: bytes.readUInt16LE(fileHeader),
    fileHeader,
    optionalHeader,
    sectionTable,
    sectionAlignment: bytes.readUInt32LE(optionalHeader + 32),
    fileAlignment: bytes.readUInt32LE(optionalHeader + 36),
    sizeOfHeaders,
    checksum: optionalHeader + 64,
    dataDirectories,
    dataDirectoryCount,
    certificates: readCertificates(bytes, dataDirectories, dataDirectoryCount),
    sections,
  };
  checkLayout(image, fileSize);
  return image;
}

function readSections(bytes: Buffer, table: number, count: number): PeSection[] {
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * SECTION_HEADER_SIZE;
    return {
      name: bytes.toString('latin1', at, at + 8).replace(/\0+$/, ''),
      virtualSize: bytes.readUInt32LE(at + 8),
      virtualAddress: bytes.readUInt32LE(at + 12),
      rawSize: bytes.readUInt32LE(at + 16),
      rawOffset: bytes.readUInt32LE(at + 20),
    };
  });
}

function readCertificates(bytes: Buffer, directories: number, count: number) {
  if (count <= CERTIFICATE_DIRECTORY) return undefined;
  const entry = directories + CERTIFICATE_DIRECTORY * 8;
  // Other directories hold memory addresses, this one an offset in the file.
  const [offset, size] = [bytes.readUInt32LE(entry), bytes.readUInt32LE(entry + 4)];
  return size === 0 ? undefined : { offset, size };
}

/** Headers, sections and certificates are disjoint parts of the file, and the certificates its end. */
function checkLayout(image: PeImage, fileSize: number): void {
  const { certificates } = image;
  if (certificates && certificates.offset + certificates.size !== fileSize) {
    throw new PeError('PE image: the certificate table does not end the file');
  }
  let end = image.sizeOfHeaders;
  for (const { name, rawOffset, rawSize } of fileOrder(image.sections)) {
    if (rawOffset < end) {
      throw new PeError(`PE image: section ${JSON.stringify(name)} overlaps what is before it`);
    }
    end = rawOffset + rawSize;
  }
  if (end > (certificates?.offset ?? fileSize)) {
    throw new PeError('PE image: a section or the headers reach past the end of the image');
  }
}

/** The sections that have contents, in the order in which those stand in the file. */
export function fileOrder(sections: readonly PeSection[]): PeSection[] {
  return sections
    .filter(({ rawSize }) => rawSize > 0)
    .sort((one, other) => one.rawOffset - other.rawOffset);
}

function need(bytes: Buffer, end: number, what: string): void {
  if (end > bytes.length) {
    throw new PeError(`PE image: the ${what} ends at byte ${end}, beyond ${bytes.length}`);
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
