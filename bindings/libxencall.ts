import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';
import { viewMemory } from './ffi/memory.ts';

/** libxencall, the stable way to make hypercalls (xencall.h). */
const LIBXENCALL = {
  xencall_open: { args: { logger: 'pointer', flags: 'u32' }, result: 'pointer', fails: 'null' },
  xencall2: {
    args: { xcall: 'pointer', op: 'u32', first: 'u64', second: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xencall1: {
    args: { xcall: 'pointer', op: 'u32', first: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xencall5: {
    args: { xcall: 'pointer', op: 'u32', ...{ a: 'u64', b: 'u64', c: 'u64', d: 'u64', e: 'u64' } },
    result: 'i32',
    fails: 'negative',
  },
  xencall_alloc_buffer: {
    args: { xcall: 'pointer', size: 'u64' },
    result: 'pointer',
    fails: 'null',
  },
  xencall_free_buffer: {
    args: { xcall: 'pointer', address: 'pointer' },
    result: 'void',
    fails: 'never',
  },
  xencall_close: { args: { xcall: 'pointer' }, result: 'i32', fails: 'negative' },
} as const satisfies Declarations;

/** __HYPERVISOR_xen_version, xen/xen.h. */
const HYPERVISOR_XEN_VERSION = 17;
/** XENVER_version, xen/version.h: gives major << 16 | minor and takes no argument. */
const XENVER_VERSION = 0;

/**
 * Version of the running Xen as `major.minor`. It is asked with the one hypercall that is the same on every Xen, because
 * which libxenctrl and which struct layouts to use depends on it.
 * @param logger a `xentoollog_logger *`
 */
export function runningXenVersion(logger: bigint): string {
  return withHypercalls(logger, (calls) => {
    const version = calls.call2(HYPERVISOR_XEN_VERSION, XENVER_VERSION, 0);
    return `${version >> 16}.${version & 0xffff}`;
  });
}

/** Opens the interface for as long as `use` runs. @param logger a `xentoollog_logger *` */
export function withHypercalls<T>(logger: bigint, use: (calls: Hypercalls) => T): T {
  const calls = new Hypercalls(logger);
  try {
    return use(calls);
  } finally {
    calls.close();
  }
}

/** Hypercalls that libxenctrl has no function for. */
export class Hypercalls {
  readonly #library: Library<typeof LIBXENCALL>;
  readonly #xcall: bigint;
  /** Buffers that nobody uses now. */
  readonly #free: SharedMemory[] = [];

  /** Opens the interface. @param logger a `xentoollog_logger *` */
  constructor(logger: bigint) {
    this.#library = openLibrary('libxencall.so.1', LIBXENCALL);
    this.#xcall = this.#library.xencall_open({ logger, flags: 0 });
  }

  call2(op: number, first: number, second: number): number {
    return this.#library.xencall2({ xcall: this.#xcall, op, first, second });
  }

  /** Gives Xen the address of a copy of `argument`, and puts what Xen makes of that into `argument`. */
  callWith(op: number, argument: Buffer): void {
    this.withBuffer(argument.length, ({ address, bytes }) => {
      argument.copy(bytes);
      this.#library.xencall1({ xcall: this.#xcall, op, first: address });
      bytes.copy(argument);
    });
  }

  /** The same for operations with a command before the address, and three arguments behind it, which are 0. */
  commandWith(op: number, command: number, argument: Buffer): void {
    this.withBuffer(argument.length, ({ address, bytes }) => {
      argument.copy(bytes);
      const zeros = { c: 0, d: 0, e: 0 };
      this.#library.xencall5({ xcall: this.#xcall, op, a: command, b: address, ...zeros });
      bytes.copy(argument);
    });
  }

  /** Memory that Xen can write to, for as long as `use` runs. It still has what was in it before. */
  withBuffer<T>(size: number, use: (buffer: SharedMemory) => T): T {
    const at = this.#free.findIndex(({ bytes }) => bytes.length >= size);
    const [whole = this.#allocate(size)] = at < 0 ? [] : this.#free.splice(at, 1);
    try {
      return use({ address: whole.address, bytes: whole.bytes.subarray(0, size) });
    } finally {
      this.#free.push(whole);
    }
  }

  /** Nothing of this may be used afterwards. */
  close(): void {
    const xcall = this.#xcall;
    for (const { address } of this.#free.splice(0)) {
      this.#library.xencall_free_buffer({ xcall, address });
    }
    this.#library.xencall_close({ xcall });
  }

  /** Whole pages: the library gives no less. */
  #allocate(size: number): SharedMemory {
    const whole = Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
    const address = this.#library.xencall_alloc_buffer({ xcall: this.#xcall, size: whole });
    return { address, bytes: viewMemory(address, whole) };
  }
}

const PAGE_SIZE = 4096;

/** Memory of C's that Xen sees, too. */
interface SharedMemory {
  readonly address: bigint;
  /** It itself. */
  readonly bytes: Buffer;
}
