import type { ByteSource } from './byte-source.ts';
import { DamagedImage, readWhole } from './damaged-image.ts';

// Linux Documentation/driver-api/early-userspace/buffer-format.rst: a header of 110 characters, name, data.
const HEADER = 110;
const FILE_SIZE = 54;
const NAME_SIZE = 94;
const LAST = 'TRAILER!!!';
/** PATH_MAX in Linux, with the zero behind it. */
const LONGEST_NAME = 4096;

/** Where the cpio archive (newc) at `start` ends. Throws a {@link DamagedImage} when it has no end, or no order. */
export function cpioEnd(bytes: ByteSource, start: number): number {
  let previous = 'its first file';
  for (let at = start; ; ) {
    const header = readWhole(bytes, at, HEADER, `the archive, behind ${previous}`).toString(
      'latin1',
    );
    const nameSize = field(header, NAME_SIZE);
    const fileSize = field(header, FILE_SIZE);
    if (
      !/^07070[12]/.test(header) ||
      !(nameSize >= 1 && nameSize <= LONGEST_NAME) ||
      !(fileSize >= 0)
    ) {
      throw new DamagedImage(`no file of the archive begins at byte ${at}, behind ${previous}`);
    }
    const name = readWhole(bytes, at + HEADER, nameSize, 'the name of a file').toString(
      'utf8',
      0,
      nameSize - 1,
    );
    const data = at + aligned(HEADER + nameSize);
    if (name === LAST) return Math.min(data, bytes.size);
    if (data + fileSize > bytes.size)
      throw new DamagedImage(`it ends inside the file ${name}`, true);
    previous = name;
    at = data + aligned(fileSize);
  }
}

function field(header: string, at: number): number {
  const digits = header.slice(at, at + 8);
  return /^[0-9a-f]{8}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
}

function aligned(size: number): number {
  return Math.ceil(size / 4) * 4;
}
