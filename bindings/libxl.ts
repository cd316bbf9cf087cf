import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** The context of libxenlight (libxl.h). Its other structs can be filled from JSON without a layout. */
const LIBXL = {
  libxl_ctx_alloc: {
    args: { context: 'bytes', version: 'i32', flags: 'u32', logger: 'pointer' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_ctx_free: { args: { context: 'pointer' }, result: 'i32', fails: 'nonzero' },
  libxl_domain_config_init: { args: { config: 'bytes' }, result: 'void', fails: 'never' },
  libxl_domain_config_from_json: {
    args: { context: 'pointer', config: 'bytes', json: 'string' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_userdata_store: {
    args: { context: 'pointer', domid: 'u32', userid: 'string', data: 'bytes', length: 'i32' },
    result: 'i32',
    fails: 'nonzero',
  },
  libxl_domain_config_dispose: { args: { config: 'bytes' }, result: 'void', fails: 'never' },
} as const satisfies Declarations;

export type Libxl = Library<typeof LIBXL>;

/** @param soname of the running release. Opening a context needs a running xenstored. */
export function openLibxl(soname: string): Libxl {
  return openLibrary(soname, LIBXL);
}
