import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** The part of libxenctrl that domb uses, as in xenctrl.h. */
const LIBXENCTRL = {
  xc_interface_open: {
    args: { logger: 'pointer', dombuildLogger: 'pointer', flags: 'u32' },
    result: 'pointer',
    fails: 'null',
  },
  xc_interface_close: { args: { xch: 'pointer' }, result: 'i32', fails: 'negative' },

  xc_version: {
    args: { xch: 'pointer', command: 'i32', argument: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_get_cpumap_size: { args: { xch: 'pointer' }, result: 'i32', fails: 'negative' },
  xc_cpupool_getinfo: {
    args: { xch: 'pointer', pool: 'u32' },
    result: 'pointer',
    fails: 'null',
  },
  xc_cpupool_infofree: {
    args: { xch: 'pointer', info: 'pointer' },
    result: 'void',
    fails: 'never',
  },
  xc_physinfo: { args: { xch: 'pointer', info: 'bytes' }, result: 'i32', fails: 'negative' },
  xc_domain_getinfolist: {
    args: { xch: 'pointer', first: 'u32', most: 'u32', infos: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },

  xc_flask_load: {
    args: { xch: 'pointer', policy: 'bytes', size: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_flask_getenforce: { args: { xch: 'pointer' }, result: 'i32', fails: 'negative' },
  xc_flask_context_to_sid: {
    args: { xch: 'pointer', context: 'bytes', size: 'u32', sid: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_flask_sid_to_context: {
    args: { xch: 'pointer', sid: 'i32', context: 'bytes', size: 'u32' },
    result: 'i32',
    fails: 'negative',
  },

  /** -EPERM when not all of `req` is allowed; with 0 it tells all that is. */
  xc_flask_access: {
    args: {
      xch: 'pointer',
      source: 'string',
      target: 'string',
      class: 'u32',
      req: 'u32',
      allowed: 'bytes',
      decided: 'bytes?',
      auditallow: 'bytes?',
      auditdeny: 'bytes?',
      seqno: 'bytes?',
    },
    result: 'i32',
    fails: 'negative',
  },
  xc_flask_relabel_domain: {
    args: { xch: 'pointer', domid: 'u32', sid: 'u32' },
    result: 'i32',
    fails: 'negative',
  },

  xc_domain_create: {
    args: { xch: 'pointer', domid: 'bytes', config: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_max_vcpus: {
    args: { xch: 'pointer', domid: 'u32', max: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_sethandle: {
    args: { xch: 'pointer', domid: 'u32', handle: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_vcpu_setaffinity: {
    args: {
      xch: 'pointer',
      domid: 'u32',
      vcpu: 'i32',
      hard: 'bytes',
      soft: 'bytes?',
      flags: 'u32',
    },
    result: 'i32',
    fails: 'negative',
  },
  xc_vcpu_getaffinity: {
    args: {
      xch: 'pointer',
      domid: 'u32',
      vcpu: 'i32',
      hard: 'bytes',
      soft: 'bytes?',
      flags: 'u32',
    },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_setmaxmem: {
    args: { xch: 'pointer', domid: 'u32', maxKiB: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_set_memmap_limit: {
    args: { xch: 'pointer', domid: 'u32', limitKiB: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_set_memory_map: {
    args: { xch: 'pointer', domid: 'u32', entries: 'bytes', count: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_get_machine_memory_map: {
    args: { xch: 'pointer', entries: 'bytes', most: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_ioport_permission: {
    args: { xch: 'pointer', domid: 'u32', first: 'u32', count: 'u32', allow: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_iomem_permission: {
    args: { xch: 'pointer', domid: 'u32', first: 'u64', count: 'u64', allow: 'u8' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_irq_permission: {
    args: { xch: 'pointer', domid: 'u32', pirq: 'u32', allow: 'bool' },
    result: 'i32',
    fails: 'negative',
  },
  xc_set_paging_mempool_size: {
    args: { xch: 'pointer', domid: 'u32', size: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xc_hvm_param_set: {
    args: { xch: 'pointer', domid: 'u32', param: 'u32', value: 'u64' },
    result: 'i32',
    fails: 'negative',
  },
  xc_evtchn_alloc_unbound: {
    args: { xch: 'pointer', domid: 'u32', remote: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_gnttab_query_size: {
    args: { xch: 'pointer', query: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_map_foreign_pages: {
    args: { xch: 'pointer', domid: 'u32', protection: 'i32', frames: 'bytes', count: 'i32' },
    result: 'pointer',
    fails: 'null',
  },

  xc_watchdog: {
    args: { xch: 'pointer', id: 'u32', seconds: 'u32' },
    result: 'i32',
    fails: 'negative',
  },
  xc_domain_pause: { args: { xch: 'pointer', domid: 'u32' }, result: 'i32', fails: 'negative' },
  xc_domain_unpause: { args: { xch: 'pointer', domid: 'u32' }, result: 'i32', fails: 'negative' },
  xc_domain_destroy: { args: { xch: 'pointer', domid: 'u32' }, result: 'i32', fails: 'negative' },
  xc_domain_shutdown: {
    args: { xch: 'pointer', domid: 'u32', reason: 'i32' },
    result: 'i32',
    fails: 'negative',
  },
} as const satisfies Declarations;

export type Libxenctrl = Library<typeof LIBXENCTRL>;

/** @param soname of the running release: interface and SONAME change with each */
export function openLibxenctrl(soname: string): Libxenctrl {
  return openLibrary(soname, LIBXENCTRL);
}
