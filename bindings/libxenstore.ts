import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** libxenstore (xenstore.h), a stable interface. A transaction of 0 is XBT_NULL. */
const LIBXENSTORE = {
  xs_open: { args: { flags: 'u64' }, result: 'pointer', fails: 'null' },
  xs_close: { args: { xsh: 'pointer' }, result: 'void', fails: 'never' },
  xs_transaction_start: { args: { xsh: 'pointer' }, result: 'u32', fails: 'never' },
  xs_transaction_end: {
    args: { xsh: 'pointer', transaction: 'u32', abort: 'bool' },
    result: 'bool',
    fails: 'false',
  },
  xs_read: {
    args: { xsh: 'pointer', transaction: 'u32', path: 'string', length: 'bytes' },
    result: 'pointer',
    fails: 'null',
  },
  xs_write: {
    args: { xsh: 'pointer', transaction: 'u32', path: 'string', data: 'bytes', length: 'u32' },
    result: 'bool',
    fails: 'false',
  },
  xs_set_permissions: {
    args: {
      xsh: 'pointer',
      transaction: 'u32',
      path: 'string',
      permissions: 'bytes',
      count: 'u32',
    },
    result: 'bool',
    fails: 'false',
  },
  xs_is_domain_introduced: {
    args: { xsh: 'pointer', domid: 'u32' },
    result: 'bool',
    fails: 'never',
  },
  xs_rm: {
    args: { xsh: 'pointer', transaction: 'u32', path: 'string' },
    result: 'bool',
    fails: 'false',
  },
  xs_directory: {
    args: { xsh: 'pointer', transaction: 'u32', path: 'string', count: 'bytes' },
    result: 'pointer',
    fails: 'null',
  },
  xs_watch: {
    args: { xsh: 'pointer', path: 'string', token: 'string' },
    result: 'bool',
    fails: 'false',
  },
  xs_unwatch: {
    args: { xsh: 'pointer', path: 'string', token: 'string' },
    result: 'bool',
    fails: 'false',
  },
  xs_read_watch: {
    args: { xsh: 'pointer', count: 'bytes' },
    result: 'pointer',
    fails: 'null',
    slow: true,
  },
  // NULL with EAGAIN when no event is there.
  xs_check_watch: { args: { xsh: 'pointer' }, result: 'pointer', fails: 'null' },
  xs_introduce_domain: {
    args: { xsh: 'pointer', domid: 'u32', frame: 'u64', port: 'u32' },
    result: 'bool',
    fails: 'false',
  },
} as const satisfies Declarations;

export type Libxenstore = Library<typeof LIBXENSTORE>;

export function openLibxenstore(): Libxenstore {
  return openLibrary('libxenstore.so.4', LIBXENSTORE);
}
