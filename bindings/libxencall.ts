import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';
import { readMemory, writeMemory } from './ffi/memory.ts';

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
  const library = openLibrary('libxencall.so.1', LIBXENCALL);
  const xcall = library.xencall_open({ logger, flags: 0 });
  try {
    return use(new Hypercalls(library, xcall));
  } finally {
    library.xencall_close({ xcall });
  }
}

/** Hypercalls that libxenctrl has no function for. */
export class Hypercalls {
  readonly #library: Library<typeof LIBXENCALL>;
  readonly #xcall: bigint;

  constructor(library: Library<typeof LIBXENCALL>, xcall: bigint) {
    this.#library = library;
    this.#xcall = xcall;
  }

  call2(op: number, first: number, second: number): number {
    return this.#library.xencall2({ xcall: this.#xcall, op, first, second });
  }

  /** Gives Xen the address of a copy of `argument`, and puts what Xen makes of that into `argument`. */
  callWith(op: number, argument: Buffer): void {
    this.withBuffer(argument.length, ({ address, read }) => {
      writeMemory(address, argument);
      this.#library.xencall1({ xcall: this.#xcall, op, first: address });
      read().copy(argument);
    });
  }

  /** The same for operations with a command before the address, and three arguments behind it, which are 0. */
  commandWith(op: number, command: number, argument: Buffer): void {
    this.withBuffer(argument.length, ({ address, read }) => {
      writeMemory(address, argument);
      const zeros = { c: 0, d: 0, e: 0 };
      this.#library.xencall5({ xcall: this.#xcall, op, a: command, b: address, ...zeros });
      read().copy(argument);
    });
  }

  /** Memory that Xen can write to, for as long as `use` runs. */
  withBuffer<T>(size: number, use: (buffer: HypercallBuffer) => T): T {
    const xcall = this.#xcall;
    const address = this.#library.xencall_alloc_buffer({ xcall, size });
    try {
      return use({ address, read: () => readMemory(address, size) });
    } finally {
      this.#library.xencall_free_buffer({ xcall, address });
    }
  }
}

interface HypercallBuffer {
  readonly address: bigint;
  /** A copy of what is in it. */
  read(): Buffer;
}
