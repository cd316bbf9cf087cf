import { isHash, isKind, LARGEST_OBJECT, type ObjectName } from './objects.ts';

/** An object that is put: what it is called, and its bytes. */
export interface PutObject extends ObjectName {
  readonly size: number;
}

/** Objects in one put: a name takes less than a hundred bytes of the kilobyte that is not of a part. */
export const MOST_PUT = 8;

/** What the vTPM domain asks dom0 for. */
export type StoreRequest =
  /** A part of what the objects are one behind the other; with the last one they are kept for good. */
  | { ask: 'put'; objects: readonly PutObject[]; offset: number; part: Buffer }
  /** The answer has the object's size, or none, and a part of it from `offset` on. */
  | { ask: 'get'; name: ObjectName; offset: number }
  | { ask: 'lists' }
  | { ask: 'keep'; names: readonly ObjectName[] }
  | { ask: 'resets' }
  | { ask: 'was-reset'; guest: string }
  /** A command for the machine's TPM; the answer is its response. */
  | { ask: 'tpm'; part: Buffer };

/** What dom0 answers. */
export interface StoreAnswer {
  /** What went wrong; nothing else counts then. */
  readonly problem?: string;
  /** Of a get. */
  readonly size?: number;
  /** Hashes of lists, or names of guests. */
  readonly names?: readonly string[];
  readonly part?: Buffer;
}

/** A message as it is passed: a line of JSON, then the bytes of its part. */
export function encodeMessage(message: StoreRequest | StoreAnswer): Buffer {
  const part = 'part' in message ? message.part : undefined;
  const line = JSON.stringify({ ...message, part: undefined });
  return Buffer.concat([Buffer.from(`${line}\n`), part ?? Buffer.alloc(0)]);
}

function decode(bytes: Buffer): Record<string, unknown> & { part: Buffer } {
  const end = bytes.indexOf('\n');
  if (end === -1) throw new Error('a message without an end of its line');
  const value: unknown = JSON.parse(bytes.subarray(0, end).toString());
  if (typeof value !== 'object' || value === null) throw new Error('a message that is no object');
  return { ...value, part: bytes.subarray(end + 1) };
}

/** @throws Error for what is no answer */
export function decodeAnswer(bytes: Buffer): StoreAnswer {
  const { problem, size, names, part } = decode(bytes);
  const list = Array.isArray(names) && names.every((name) => typeof name === 'string');
  return {
    ...(typeof problem === 'string' ? { problem } : {}),
    ...(isLength(size) ? { size } : {}),
    ...(list ? { names } : {}),
    part,
  };
}

/** @throws Error for what is no request */
export function decodeRequest(bytes: Buffer): StoreRequest {
  const { ask, name, names, objects, offset, guest, part } = decode(bytes);
  if (ask === 'lists' || ask === 'resets') return { ask };
  if (ask === 'tpm') return { ask, part };
  if (ask === 'was-reset' && typeof guest === 'string') return { ask, guest };
  if (ask === 'get' && isName(name) && isLength(offset)) return { ask, name, offset };
  if (ask === 'put' && arePut(objects) && isOffset(offset)) return { ask, objects, offset, part };
  if (ask === 'keep' && Array.isArray(names) && names.every(isName)) return { ask, names };
  throw new Error(`${JSON.stringify(ask)} is no request, or lacks something`);
}

const isLength = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_OBJECT;

const isOffset = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const arePut = (value: unknown): value is PutObject[] =>
  Array.isArray(value) &&
  value.length <= MOST_PUT &&
  value.every((each) => isName(each) && isLength((each as Partial<PutObject>).size));

function isName(value: unknown): value is ObjectName {
  const { kind, hash } = (value ?? {}) as Partial<Record<keyof ObjectName, unknown>>;
  return isKind(kind) && isHash(hash);
}
