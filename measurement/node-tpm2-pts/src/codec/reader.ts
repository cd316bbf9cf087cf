import { TpmFormatError } from '../errors.ts';

/**
 * Reads big-endian TPM structures (TPM 2.0 Library, Part 2, 4.2 and Part 1, "Data types"): every length and count that
 * the bytes claim is checked against what is there before it is used. Nothing is copied; results are views.
 */
export class Reader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #offset = 0;

  /** @param what names the structure in errors, for example "TPM2_GetRandom response" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.bytes(1, field).readUInt8(0);
  }

  u16(field: string): number {
    return this.bytes(2, field).readUInt16BE(0);
  }

  u32(field: string): number {
    return this.bytes(4, field).readUInt32BE(0);
  }

  u64(field: string): bigint {
    return this.bytes(8, field).readBigUInt64BE(0);
  }

  bytes(length: number, field: string): Buffer {
    if (length > this.remaining) {
      throw this.error(`${field} needs ${length} bytes, ${this.remaining} are left`);
    }
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  /** A TPM2B: u16 size, then that many bytes, at most `limit`. */
  sized(field: string, limit = 0xffff): Buffer {
    const size = this.u16(`size of ${field}`);
    if (size > limit) throw this.error(`${field} has ${size} bytes, at most ${limit} are allowed`);
    return this.bytes(size, field);
  }

  /** A TPM2B around a structure: a reader over exactly its bytes. */
  structure(field: string): Reader {
    return new Reader(this.sized(field), `${this.#what}, ${field}`);
  }

  /** A list's u32 count, which may not exceed `limit`. */
  count(field: string, limit: number): number {
    const count = this.u32(`count of ${field}`);
    if (count > limit) throw this.error(`${count} ${field}, at most ${limit} are allowed`);
    return count;
  }

  /** All bytes not read yet. */
  rest(): Buffer {
    return this.bytes(this.remaining, 'rest');
  }

  /** Fails when bytes are left over. */
  end(): void {
    if (this.remaining > 0) throw this.error(`${this.remaining} bytes too many at the end`);
  }

  error(message: string): TpmFormatError {
    return new TpmFormatError(`${this.#what}: at byte ${this.#offset}: ${message}`);
  }
}
