/** Files that are mapped into memory, so that their contents need not be there twice. */
import { closeSync, fstatSync, openSync, readSync, statfsSync, unlinkSync } from 'node:fs';
import { addressOf, copyMemory, viewMemory, writeMemory } from './ffi/memory.ts';
import { mapAgain, mapFile, mapZeros, unmapMemory } from './libc.ts';

/** Types of file systems whose files are memory and nothing else (linux/magic.h). */
const RAMFS = 0x858458f6;
const TMPFS = 0x01021994;

const PAGE = 4096;

/** How much of a mapped file is looked at at a time. */
const PIECE = 1 << 20;

/**
 * A file's pages in the memory of this process, for as long as it runs. They are no buffer until one is asked for: V8 takes a buffer for
 * memory of its own, and collects garbage for so much of it, which takes longer than to copy it piece by piece.
 */
export class MappedFile {
  readonly address: bigint;
  readonly length: number;

  constructor(address: bigint, length: number) {
    this.address = address;
    this.length = length;
  }

  /** The contents, one piece behind the other; each is overwritten by the next. */
  *pieces(): Iterable<Uint8Array> {
    const room = Buffer.allocUnsafeSlow(Math.min(PIECE, this.length));
    for (let done = 0; done < this.length; done += PIECE) {
      const piece = room.subarray(0, this.length - done);
      copyMemory(piece, this.address + BigInt(done));
      yield piece;
    }
  }

  /** The pages themselves; they must not be written to. */
  view(): Buffer {
    return viewMemory(this.address, this.length);
  }
}

/**
 * Takes a file's contents, so that nobody can change them any more. A file of a ramfs or tmpfs is mapped and loses its name. Any other
 * file is read, as its pages can be dropped and read again.
 */
export function takeFile(path: string): Buffer | MappedFile {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const { type } = statfsSync(path);
    if (size === 0 || (type !== RAMFS && type !== TMPFS)) return readAll(fd, size);
    const file = new MappedFile(mapFile(fd, size), size);
    unlinkSync(path);
    return file;
  } finally {
    closeSync(fd);
  }
}

/** At a time; read(2) gives no more than 2 GiB. */
const CHUNK = 1 << 30;

function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let done = 0; done < size; ) {
    const read = readSync(fd, bytes, done, Math.min(CHUNK, size - done), done);
    if (read === 0) throw new Error(`the file ends after ${done} of ${size} bytes`);
    done += read;
  }
  return bytes;
}

/** Memory that C can read. */
export interface JoinedMemory {
  address: bigint;
  length: number;
  /** Gives it back. */
  release(): void;
}

/**
 * Zeros of `before` bytes and the segments behind them, each from the next page on, as one piece of memory. What was mapped by
 * {@link takeFile} is mapped here, too; anything else is copied.
 */
export function joinMemory(
  before: number,
  segments: readonly (Uint8Array | MappedFile)[],
): JoinedMemory {
  const [only, ...more] = segments;
  if (before === 0 && only !== undefined && more.length === 0) {
    let held: Uint8Array | MappedFile | undefined = only;
    const address = held instanceof MappedFile ? held.address : addressOf(held);
    return {
      ...{ address, length: held.length },
      release() {
        held = undefined;
      },
    };
  }
  let length = before;
  const places = segments.map((bytes) => {
    const at = pages(length);
    length = at + bytes.length;
    return { bytes, at };
  });
  const address = mapZeros(pages(length));
  const release = () => unmapMemory(address, pages(length));
  try {
    for (const { bytes, at } of places) {
      const to = address + BigInt(at);
      if (bytes instanceof MappedFile) mapAgain(bytes.address, bytes.length, to);
      else writeMemory(to, bytes);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { address, length, release };
}

const pages = (length: number) => Math.ceil(length / PAGE) * PAGE;
