import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** libxenevtchn (xenevtchn.h), a stable interface. */
const LIBXENEVTCHN = {
  xenevtchn_open: { args: { logger: 'pointer', flags: 'u32' }, result: 'pointer', fails: 'null' },
  xenevtchn_close: { args: { xce: 'pointer' }, result: 'i32', fails: 'negative' },
  xenevtchn_fd: { args: { xce: 'pointer' }, result: 'i32', fails: 'negative' },
  xenevtchn_bind_interdomain: {
    args: { xce: 'pointer', domid: 'u32', remotePort: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xenevtchn_bind_unbound_port: {
    args: { xce: 'pointer', domid: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xenevtchn_notify: { args: { xce: 'pointer', port: 'u32' }, result: 'i32', fails: 'negative' },
  xenevtchn_pending: { args: { xce: 'pointer' }, result: 'i32', fails: 'negative', slow: true },
  xenevtchn_unmask: { args: { xce: 'pointer', port: 'u32' }, result: 'i32', fails: 'negative' },
  xenevtchn_unbind: { args: { xce: 'pointer', port: 'u32' }, result: 'i32', fails: 'negative' },
} as const satisfies Declarations;

export type Libxenevtchn = Library<typeof LIBXENEVTCHN>;

export function openLibxenevtchn(): Libxenevtchn {
  return openLibrary('libxenevtchn.so.1', LIBXENEVTCHN);
}
