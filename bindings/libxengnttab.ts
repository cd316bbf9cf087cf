import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** libxengnttab (xengnttab.h), a stable interface. */
const LIBXENGNTTAB = {
  xengnttab_open: { args: { logger: 'pointer', flags: 'u32' }, result: 'pointer', fails: 'null' },
  xengnttab_close: { args: { xgt: 'pointer' }, result: 'i32', fails: 'negative' },
  xengnttab_map_grant_ref: {
    args: { xgt: 'pointer', domid: 'u32', reference: 'u32', protection: 'i32' },
    result: 'pointer',
    fails: 'null',
  },
  xengnttab_unmap: {
    args: { xgt: 'pointer', address: 'pointer', count: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
} as const satisfies Declarations;

export type Libxengnttab = Library<typeof LIBXENGNTTAB>;

export function openLibxengnttab(): Libxengnttab {
  return openLibrary('libxengnttab.so.1', LIBXENGNTTAB);
}
