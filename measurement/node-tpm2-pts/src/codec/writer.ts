/** Builds big-endian TPM structures. Every method returns the writer, so that a structure reads as one expression. */
export class Writer {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    const part = Buffer.alloc(1);
    part.writeUInt8(value);
    return this.bytes(part);
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeUInt16BE(value);
    return this.bytes(part);
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.bytes(part);
  }

  u64(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(value);
    return this.bytes(part);
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  /** A TPM2B: u16 size, then the bytes. A size over 65535 is a RangeError. */
  sized(value: Uint8Array): this {
    return this.u16(value.length).bytes(value);
  }

  /** A TPML: u32 count, then each item as `write` lays it out. */
  list<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    this.u32(items.length);
    for (const item of items) write(item, this);
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
