import { EventLogError } from './format.ts';

/** Reads little-endian fields; a length is checked against what is left before it is used. Results are views. */
export class LogReader {
  readonly #bytes: Buffer;
  readonly #base: number;
  #offset = 0;

  /** @param base where `bytes` begins in the log, for errors */
  constructor(bytes: Uint8Array, base = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Position in the log. */
  get position(): number {
    return this.#base + this.#offset;
  }

  u8(field: string): number {
    return this.#bytes.readUInt8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#bytes.readUInt16LE(this.#take(2, field));
  }

  u32(field: string): number {
    return this.#bytes.readUInt32LE(this.#take(4, field));
  }

  u64(field: string): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8, field));
  }

  bytes(length: number, field: string): Buffer {
    const start = this.#take(length, field);
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Goes on by `length` and gives the offset before. */
  #take(length: number, field: string): number {
    if (length > this.remaining) {
      throw this.error(`${field} needs ${length} bytes, ${this.remaining} are left`);
    }
    this.#offset += length;
    return this.#offset - length;
  }

  error(message: string): EventLogError {
    return new EventLogError(`event log: at byte ${this.position}: ${message}`);
  }
}
