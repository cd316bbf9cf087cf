import type { ByteSource } from './byte-source.ts';

/** An image that can't be unpacked, and where that shows. */
export class DamagedImage extends Error {
  /** True when it looks as if its end were missing. */
  readonly cut: boolean;

  constructor(message: string, cut = false) {
    super(message);
    this.cut = cut;
  }
}

/** Exactly `length` bytes. Throws a {@link DamagedImage} that says `inside` what the image ends, when there are fewer. */
export function readWhole(bytes: ByteSource, at: number, length: number, inside: string): Buffer {
  const read = bytes.read(at, length);
  if (read.length === length) return read;
  throw new DamagedImage(`it ends inside ${inside}`, true);
}
