/**
 * Writes cpio archives in the `newc` format, as Linux unpacks them into its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Owners and times are zero and the order is the
 * caller's, so that equal inputs give equal bytes.
 */

/** All of a file, which has so many bytes. */
export interface FilePiece {
  file: string;
  length: number;
}

/** A part of a file that is made. */
export type Piece = Uint8Array | FilePiece;

/** @template D what files hold */
export type CpioEntry<D extends Piece = Uint8Array> =
  | { path: string; type: 'directory' }
  | { path: string; type: 'file'; mode: number; data: D }
  | { path: string; type: 'link'; target: string }
  | { path: string; type: 'device' | 'block device'; mode: number; major: number; minor: number };

const S_IFBLK = 0o060000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** Returns the archive's bytes, a multiple of 512 long. Paths are relative, without a leading slash. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  return Buffer.concat(cpioPieces(entries));
}

/** The same as pieces, of files that need not be in memory. */
export function cpioPieces<D extends Piece>(entries: readonly CpioEntry<D>[]): (Uint8Array | D)[] {
  const parts: (Uint8Array | D)[] = [];
  let length = 0;
  const push = (part: Uint8Array | D) => {
    parts.push(part);
    length += part.length;
  };
  const align = (to: number) => {
    const rest = length % to;
    if (rest) push(Buffer.alloc(to - rest));
  };
  const record = (
    inode: number,
    mode: number,
    path: string,
    data: Uint8Array | D,
    device = [0, 0],
  ) => {
    const name = Buffer.from(`${path}\0`);
    const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, name.length, 0];
    push(Buffer.from(`070701${fields.map(hex8).join('')}`));
    push(name);
    align(4);
    push(data);
    align(4);
  };
  const nothing = new Uint8Array();
  for (const [index, entry] of entries.entries()) {
    const inode = index + 1;
    switch (entry.type) {
      case 'directory':
        record(inode, S_IFDIR | 0o755, entry.path, nothing);
        break;
      case 'file':
        record(inode, S_IFREG | entry.mode, entry.path, entry.data);
        break;
      case 'link':
        record(inode, S_IFLNK | 0o777, entry.path, Buffer.from(entry.target));
        break;
      case 'device':
        record(inode, S_IFCHR | entry.mode, entry.path, nothing, [entry.major, entry.minor]);
        break;
      case 'block device':
        record(inode, S_IFBLK | entry.mode, entry.path, nothing, [entry.major, entry.minor]);
        break;
    }
  }
  record(0, 0, 'TRAILER!!!', nothing);
  align(512);
  return parts;
}

function hex8(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`cpio field ${value} does not fit 32 bits`);
  }
  return value.toString(16).padStart(8, '0');
}
