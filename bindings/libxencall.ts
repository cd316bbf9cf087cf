import type { Declarations } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** libxencall, the stable way to make hypercalls (xencall.h). */
const LIBXENCALL = {
  xencall_open: { args: { logger: 'pointer', flags: 'u32' }, result: 'pointer', fails: 'null' },
  xencall2: {
    args: { xcall: 'pointer', op: 'u32', first: 'u64', second: 'u64' },
    result: 'i32',
    fails: 'negative',
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
  const { xencall_open, xencall2, xencall_close } = openLibrary('libxencall.so.1', LIBXENCALL);
  const xcall = xencall_open({ logger, flags: 0 });
  try {
    const op = HYPERVISOR_XEN_VERSION;
    const version = xencall2({ xcall, op, first: XENVER_VERSION, second: 0 });
    return `${version >> 16}.${version & 0xffff}`;
  } finally {
    xencall_close({ xcall });
  }
}
