/** A policy that ends early or holds what no policy holds. */
export class PolicyFormatError extends Error {
  override name = 'PolicyFormatError';
}

/** Reads a compiled policy from front to end; every length is checked against what is left. */
export class PolicyReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u16(): number {
    return this.take(2).readUInt16LE(0);
  }

  u32(): number {
    return this.take(4).readUInt32LE(0);
  }

  u64(): bigint {
    return this.take(8).readBigUInt64LE(0);
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
    if (count * size > this.left) this.fail(`a count of ${count} is too large`);
    return count;
  }

  take(length: number): Buffer {
    if (length > this.left) {
      throw new PolicyFormatError(`the file ends in the middle, at byte ${this.#bytes.length}`);
    }
    const part = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return part;
  }

  /** Refuses the policy for what was just read. */
  fail(message: string): never {
    throw new PolicyFormatError(`${message}, at byte ${this.#offset}`);
  }
}
