/** A policy that ends early or holds what no policy holds. */
export class PolicyFormatError extends Error {
  override name = 'PolicyFormatError';
}

/** Reads a compiled policy from front to end; every length is checked against what is left. */
export class Cursor {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u32(): number {
    return this.take(4).readUInt32LE(0);
  }

  text(length: number): string {
    return this.take(length).toString('latin1');
  }

  skipWords(count: number): void {
    this.take(4 * count);
  }

  /** How often a record of at least `size` bytes can follow; protects loops from counts that are made up. */
  count(size: number): number {
    const count = this.u32();
    if (count * size > this.#bytes.length - this.#offset) {
      throw new PolicyFormatError(`a count of ${count} at byte ${this.#offset} is too large`);
    }
    return count;
  }

  take(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new PolicyFormatError(`the file ends in the middle, at byte ${this.#bytes.length}`);
    }
    const part = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }
}
