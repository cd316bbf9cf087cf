import type { AddonArray, FfiAddon } from './addon.ts';

/**
 * The C types that may cross the boundary, as words in a declaration. A `?` admits `null` for NULL. `bytes` hands over
 * the address of the array's own memory, for reading and writing; the array must stay reachable for as long as C keeps
 * the address. `pointer` is an address that C gave; `memory` is either of the two.
 */
export type ValueType =
  | 'i32'
  | 'u32'
  | 'u8'
  | 'i64'
  | 'u64'
  | 'bool'
  | 'pointer'
  | 'string'
  | 'string?'
  | 'bytes'
  | 'bytes?'
  | 'memory';

/** `external` is an address as the addon takes it to make a buffer of what is there. */
export type ResultType = 'i32' | 'u32' | 'i64' | 'u64' | 'bool' | 'pointer' | 'external' | 'void';

interface JsValues {
  i32: number;
  u32: number;
  u8: number;
  i64: number | bigint;
  u64: number | bigint;
  bool: boolean;
  pointer: bigint;
  string: string;
  'string?': string | null;
  bytes: Uint8Array;
  'bytes?': Uint8Array | null;
  memory: Uint8Array | bigint;
}

interface JsResults {
  i32: number;
  u32: number;
  i64: bigint;
  u64: bigint;
  bool: boolean;
  pointer: bigint;
  external: unknown;
  void: undefined;
}

export type JsValue<T extends ValueType> = JsValues[T];
export type JsResult<T extends ResultType> = JsResults[T];

const RANGES = {
  u8: [0n, 0xffn],
  i32: [-0x8000_0000n, 0x7fff_ffffn],
  u32: [0n, 0xffff_ffffn],
  i64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
  u64: [0n, 0xffff_ffff_ffff_ffffn],
  pointer: [0n, 0xffff_ffff_ffff_ffffn],
} as const;

export type IntegerType = keyof typeof RANGES;

/**
 * The value as a bigint when it is an integer that fits `type`.
 * @param what names the value in the error, for example `xc_domain_create: domid`
 */
export function checkedInteger(type: IntegerType, value: unknown, what: string): bigint {
  const integer =
    typeof value === 'bigint'
      ? value
      : Number.isSafeInteger(value)
        ? BigInt(value as number)
        : null;
  const [least, most] = RANGES[type];
  if (integer === null || integer < least || integer > most) {
    throw new RangeError(
      `${what} must be an integer from ${least} to ${most}, not ${String(value)}`,
    );
  }
  return integer;
}

interface Marshalled {
  type: number | AddonArray;
  value: unknown;
}

/** Turns a checked argument into what the addon takes. */
export function marshal(
  addon: FfiAddon,
  type: ValueType,
  value: unknown,
  what: string,
): Marshalled {
  const { DataType, FFITypeTag } = addon;
  const none = { type: DataType.BigInt, value: 0n };
  switch (type) {
    case 'u8':
      return { type: DataType.U8, value: Number(checkedInteger(type, value, what)) };
    case 'i32':
      return { type: DataType.I32, value: Number(checkedInteger(type, value, what)) };
    case 'u32':
      return { type: DataType.U32, value: Number(checkedInteger(type, value, what)) };
    case 'i64':
    case 'u64':
    case 'pointer':
      // The addon converts through i64: the upper half of u64 has to go in, and comes out, as negative.
      return {
        type: DataType.BigInt,
        value: BigInt.asIntN(64, checkedInteger(type, value, what)),
      };
    case 'bool':
      if (typeof value !== 'boolean') throw new TypeError(`${what} must be a boolean`);
      return { type: DataType.Boolean, value };
    case 'string?':
    case 'string':
      if (value === null && type === 'string?') return none;
      if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
      if (value.includes('\0')) throw new RangeError(`${what} must not contain a NUL character`);
      return { type: DataType.String, value };
    case 'memory':
      if (typeof value === 'bigint') return marshal(addon, 'pointer', value, what);
      return marshal(addon, 'bytes', value, what);
    case 'bytes?':
    case 'bytes':
      if (value === null && type === 'bytes?') return none;
      if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be a Uint8Array`);
      return {
        type: { ffiTypeTag: FFITypeTag.Array, type: DataType.U8Array, length: value.length },
        value,
      };
  }
}

/** The addon's type for a result. */
export function resultType(addon: FfiAddon, type: ResultType): number {
  const { DataType } = addon;
  switch (type) {
    case 'i32':
      return DataType.I32;
    case 'u32':
      return DataType.U32;
    case 'bool':
      return DataType.Boolean;
    case 'void':
      return DataType.Void;
    case 'external':
      return DataType.External;
    case 'i64':
    case 'u64':
    case 'pointer':
      return DataType.BigInt;
  }
}

/** Turns what the addon gave into the declared result. */
export function unmarshal(type: ResultType, value: unknown): unknown {
  switch (type) {
    case 'u64':
    case 'pointer':
      return BigInt.asUintN(64, value as bigint);
    case 'void':
      return undefined;
    default:
      return value;
  }
}
