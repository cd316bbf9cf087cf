import { digest } from 'node-tpm2-pts';

/** What dom0 stores for the vTPM domain: lists of states, and the states that they name. */
export const KINDS = ['list', 'state'] as const;
export type ObjectKind = (typeof KINDS)[number];

/** Something stored, by the SHA-256 of its bytes, in hex: what comes back under a name is what was put there, or is refused. */
export interface ObjectName {
  readonly kind: ObjectKind;
  readonly hash: string;
}

/** What is put under a name. */
export interface NamedObject {
  readonly name: ObjectName;
  readonly bytes: Buffer;
}

/** Bytes; the state of a TPM whose NV memory is full has a third of it. */
export const LARGEST_OBJECT = 1 << 20;

/** More lists than a crash leaves. */
export const MOST_LISTS = 16;

export const hashOf = (bytes: Uint8Array): Buffer => digest('sha256', bytes);

export const nameOfObject = (kind: ObjectKind, bytes: Uint8Array): ObjectName => ({
  kind,
  hash: hashOf(bytes).toString('hex'),
});

export const namedObject = (kind: ObjectKind, bytes: Buffer): NamedObject => ({
  name: nameOfObject(kind, bytes),
  bytes,
});

export const isHash = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

export const isKind = (value: unknown): value is ObjectKind => KINDS.some((kind) => kind === value);

/** Where encrypted states are kept: by dom0, which may lose or change all of it. */
export interface ObjectStore {
  /** Returns once all of them are there for good. */
  put(objects: readonly NamedObject[]): Promise<void>;
  /** Undefined where there is none. */
  get(name: ObjectName): Promise<Buffer | undefined>;
  /** Hashes of the lists that there are. */
  lists(): Promise<string[]>;
  /** All others may go. */
  keep(names: readonly ObjectName[]): Promise<void>;
  /** Names of guests whose TPMs the operator wants to be made anew. */
  resets(): Promise<string[]>;
  /** That is done. */
  wasReset(guest: string): Promise<void>;
}
