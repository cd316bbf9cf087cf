import { CallError } from '../../bindings/ffi/errors.ts';
import { readMemory, readText } from '../../bindings/ffi/memory.ts';
import { freeMemory } from '../../bindings/libc.ts';
import { type Libxenstore, openLibxenstore } from '../../bindings/libxenstore.ts';
import type { Change, Store } from './store.ts';

/** XBT_NULL: no transaction. */
const NO_TRANSACTION = 0;
const POINTER_SIZE = 8;
/** XENSTORE_PAYLOAD_MAX, xen/io/xs_wire.h: nothing that xenstore gives is longer. */
const LONGEST = 4096;

/** XS_UNWATCH_FILTER, xenstore.h: what a watch has seen and nobody has read yet goes with it. */
const UNWATCH_FILTER = 1 << 2;

/**
 * Events that are taken at once. libxenstore queues what it is told without a limit, so they are taken faster than one for each
 * turn; but each takes its time, a guest makes them as fast as they are taken, and between turns nobody's TPM is served.
 */
const MOST_CHANGES = 20;

/** What xenstore refuses for reasons that lie with a guest: its entries may be absent, hidden or half there. */
const ABSENT = ['ENOENT', 'EACCES', 'EINVAL'];

/** xenstore through libxenstore. */
export class Xenstore implements Store {
  readonly #library: Libxenstore;
  readonly #handle: bigint;

  constructor() {
    this.#library = openLibxenstore();
    this.#handle = this.#library.xs_open({ flags: UNWATCH_FILTER });
  }

  read(path: string): string | undefined {
    const length = Buffer.alloc(4);
    const text = unlessAbsent(() => this.#library.xs_read({ ...this.#where(path), length }));
    if (text === undefined) return undefined;
    return taken(text, () => readMemory(text, length.readUInt32LE()).toString('latin1'));
  }

  list(path: string): string[] {
    const count = Buffer.alloc(4);
    const names = unlessAbsent(() => this.#library.xs_directory({ ...this.#where(path), count }));
    if (names === undefined) return [];
    return taken(names, () => texts(names, count.readUInt32LE()));
  }

  write(path: string, value: string): void {
    const data = Buffer.from(value, 'latin1');
    this.#library.xs_write({ ...this.#where(path), data, length: data.length });
  }

  remove(path: string): void {
    try {
      this.#library.xs_rm(this.#where(path));
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  watch(path: string, token: string): void {
    this.#library.xs_watch({ xsh: this.#handle, path, token });
  }

  unwatch(path: string, token: string): void {
    this.#library.xs_unwatch({ xsh: this.#handle, path, token });
  }

  async nextChanges(): Promise<Change[]> {
    const count = Buffer.alloc(4);
    const changes = [changeAt(await this.#library.xs_read_watch({ xsh: this.#handle, count }))];
    while (changes.length < MOST_CHANGES) {
      const event = this.#waitingEvent();
      if (event === undefined) break;
      changes.push(changeAt(event));
    }
    return changes;
  }

  #waitingEvent(): bigint | undefined {
    try {
      return this.#library.xs_check_watch({ xsh: this.#handle });
    } catch (error) {
      if (error instanceof CallError && error.errno === 'EAGAIN') return undefined;
      throw error;
    }
  }

  #where(path: string) {
    return { xsh: this.#handle, transaction: NO_TRANSACTION, path };
  }
}

function unlessAbsent(call: () => bigint): bigint | undefined {
  try {
    return call();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof CallError && ABSENT.includes(error.errno);
}

function changeAt(event: bigint): Change {
  const [path = '', token = ''] = taken(event, () => texts(event, 2));
  return { path, token };
}

/** Reads memory that the caller of libxenstore has to free. */
function taken<T>(memory: bigint, read: () => T): T {
  try {
    return read();
  } finally {
    freeMemory(memory);
  }
}

/** The texts that an array of `count` pointers at `address` points to. */
function texts(address: bigint, count: number): string[] {
  const pointers = readMemory(address, count * POINTER_SIZE);
  return Array.from({ length: count }, (_, index) =>
    readText(pointers.readBigUInt64LE(index * POINTER_SIZE), LONGEST),
  );
}
