import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** libxenforeignmemory (xenforeignmemory.h), a stable interface. */
const LIBXENFOREIGNMEMORY = {
  xenforeignmemory_open: {
    args: { logger: 'pointer', flags: 'u32' },
    result: 'pointer',
    fails: 'null',
  },
  xenforeignmemory_map_resource: {
    args: {
      fmem: 'pointer',
      domid: 'u32',
      type: 'u32',
      id: 'u32',
      frame: 'u64',
      count: 'u64',
      address: 'bytes',
      protection: 'i32',
      flags: 'i32',
    },
    result: 'pointer',
    fails: 'null',
  },
  xenforeignmemory_unmap_resource: {
    args: { fmem: 'pointer', resource: 'pointer' },
    result: 'i32',
    fails: 'negative',
  },
  xenforeignmemory_close: { args: { fmem: 'pointer' }, result: 'i32', fails: 'negative' },
} as const satisfies Declarations;

export type Libxenforeignmemory = Library<typeof LIBXENFOREIGNMEMORY>;

export function openLibxenforeignmemory(): Libxenforeignmemory {
  return openLibrary('libxenforeignmemory.so.1', LIBXENFOREIGNMEMORY);
}
