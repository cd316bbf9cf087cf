import { EventLogError } from './format.ts';

/** Reads little-endian fields; a length is checked against what is left before it is used. Results are views. */
export class Cursor {
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
    return this.bytes(1, field).readUInt8(0);
  }

  u16(field: string): number {
    return this.bytes(2, field).readUInt16LE(0);
  }

  u32(field: string): number {
    return this.bytes(4, field).readUInt32LE(0);
  }

  bytes(length: number, field: string): Buffer {
    if (length > this.remaining) {
      throw this.error(`${field} needs ${length} bytes, ${this.remaining} are left`);
    }
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  error(message: string): EventLogError {
    return new EventLogError(`event log: at byte ${this.position}: ${message}`);
  }
}
