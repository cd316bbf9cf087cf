import type { FieldLayout, FieldName, StructName, XenLayout } from '../../xen-releases/layout.ts';
import type { IntegerType } from './values.ts';
import { checkedInteger } from './values.ts';

/** One C struct in a Buffer, its fields seen by name. Integers are little-endian, as on every machine Xen/x86 runs on. */
export class StructView<S extends StructName> {
  readonly bytes: Buffer;
  readonly #name: S;
  readonly #fields: Readonly<Record<string, FieldLayout>>;

  /** @param bytes at least as long as the struct; zeros of its size when left out */
  constructor(layout: XenLayout, name: S, bytes?: Buffer) {
    const { size, fields } = layout.structs[name];
    this.bytes = bytes ?? Buffer.alloc(size);
    if (this.bytes.length < size) {
      throw new RangeError(`${name} takes ${size} bytes, not ${this.bytes.length}`);
    }
    this.#name = name;
    this.#fields = fields;
  }

  /** An integer or pointer field. */
  get(field: FieldName<S>): bigint {
    const { offset, size, kind } = this.#integer(field);
    const raw = readUnsigned(this.bytes, offset, size);
    return kind === 'signed' ? BigInt.asIntN(size * 8, raw) : raw;
  }

  /** An integer field as a number; fails beyond 2^53. */
  number(field: FieldName<S>): number {
    const { offset, size, kind } = this.#integer(field);
    if (size <= 4) {
      return kind === 'signed'
        ? this.bytes.readIntLE(offset, size)
        : this.bytes.readUIntLE(offset, size);
    }
    const value = this.get(field);
    if (BigInt(Number(value)) !== value || !Number.isSafeInteger(Number(value))) {
      throw new RangeError(`${this.#name}.${field} is too large: ${value}`);
    }
    return Number(value);
  }

  /** Sets an integer or pointer field; a value that does not fit throws a RangeError that names it. */
  set(field: FieldName<S>, value: number | bigint): this {
    const { offset, size, kind } = this.#integer(field);
    const integer = checkedWidth(size, kind === 'signed', value, `${this.#name}.${field}`);
    if (size === 8) this.bytes.writeBigUInt64LE(BigInt.asUintN(64, integer), offset);
    else this.bytes.writeUIntLE(Number(BigInt.asUintN(size * 8, integer)), offset, size);
    return this;
  }

  /** The bytes of any field, sharing memory with the struct. */
  block(field: FieldName<S>): Buffer {
    const { offset, size } = this.#field(field);
    return this.bytes.subarray(offset, offset + size);
  }

  /** Offset of a field in bytes. */
  offsetOf(field: FieldName<S>): number {
    return this.#field(field).offset;
  }

  #field(name: string): FieldLayout {
    const field = this.#fields[name];
    if (field === undefined) throw new TypeError(`${this.#name} has no field ${name}`);
    return field;
  }

  #integer(name: string): FieldLayout {
    const field = this.#field(name);
    if (field.kind === 'bytes') throw new TypeError(`${this.#name}.${name} is not an integer`);
    return field;
  }
}

function readUnsigned(bytes: Buffer, offset: number, size: number): bigint {
  return size === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUIntLE(offset, size));
}

function checkedWidth(size: number, signed: boolean, value: number | bigint, what: string): bigint {
  const type: IntegerType = signed ? 'i64' : 'u64';
  const integer = checkedInteger(type, value, what);
  const bits = size * 8;
  const fits = signed ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer);
  if (fits !== integer) throw new RangeError(`${what} has ${bits} bits, too few for ${value}`);
  return integer;
}
