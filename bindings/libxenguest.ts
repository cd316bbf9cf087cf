import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

/** The domain builder and CPUID policies of libxenguest, as in xenguest.h. Calls that move much memory are slow. */
const LIBXENGUEST = {
  xc_cpuid_apply_policy: {
    args: {
      xch: 'pointer',
      domid: 'u32',
      restore: 'bool',
      featureset: 'bytes?',
      features: 'u32',
      pae: 'bool',
      itsc: 'bool',
      nestedVirt: 'bool',
      cpuid: 'bytes?',
      msr: 'bytes?',
    },
    result: 'i32',
    fails: 'negative-errno',
  },

  xc_cpu_policy_init: { args: {}, result: 'pointer', fails: 'null' },
  xc_cpu_policy_destroy: { args: { policy: 'pointer' }, result: 'void', fails: 'never' },
  xc_cpu_policy_get_system: {
    args: { xch: 'pointer', index: 'u32', policy: 'pointer' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_cpu_policy_get_domain: {
    args: { xch: 'pointer', domid: 'u32', policy: 'pointer' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_cpu_policy_get_size: {
    args: { xch: 'pointer', leafCount: 'bytes', msrCount: 'bytes' },
    result: 'i32',
    fails: 'negative',
  },
  xc_cpu_policy_serialise: {
    args: {
      xch: 'pointer',
      policy: 'pointer',
      leaves: 'bytes',
      leafCount: 'bytes',
      msrs: 'bytes',
      msrCount: 'bytes',
    },
    result: 'i32',
    fails: 'nonzero',
  },

  xc_dom_allocate: {
    args: { xch: 'pointer', cmdline: 'string', features: 'string?' },
    result: 'pointer',
    fails: 'null',
  },
  xc_dom_release: { args: { dom: 'pointer' }, result: 'void', fails: 'never' },
  xc_dom_kernel_mem: {
    args: { dom: 'pointer', memory: 'bytes', size: 'u64' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_dom_module_mem: {
    args: { dom: 'pointer', memory: 'pointer', size: 'u64', cmdline: 'string?' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_dom_module_max_size: {
    args: { dom: 'pointer', size: 'u64' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_dom_boot_xen_init: {
    args: { dom: 'pointer', xch: 'pointer', domid: 'u32' },
    result: 'i32',
    fails: 'nonzero',
  },
  xc_dom_parse_image: { args: { dom: 'pointer' }, result: 'i32', fails: 'nonzero', slow: true },
  xc_dom_mem_init: { args: { dom: 'pointer', MiB: 'u32' }, result: 'i32', fails: 'nonzero' },
  xc_dom_boot_mem_init: { args: { dom: 'pointer' }, result: 'i32', fails: 'nonzero', slow: true },
  xc_dom_pfn_to_ptr: {
    args: { dom: 'pointer', first: 'u64', count: 'u64' },
    result: 'pointer',
    fails: 'null',
  },
  xc_dom_build_image: { args: { dom: 'pointer' }, result: 'i32', fails: 'nonzero', slow: true },
  xc_dom_boot_image: { args: { dom: 'pointer' }, result: 'i32', fails: 'nonzero', slow: true },
  xc_dom_gnttab_init: { args: { dom: 'pointer' }, result: 'i32', fails: 'nonzero' },
} as const satisfies Declarations;

export type Libxenguest = Library<typeof LIBXENGUEST>;

/** @param soname of the running release: interface and SONAME change with each */
export function openLibxenguest(soname: string): Libxenguest {
  return openLibrary(soname, LIBXENGUEST);
}
