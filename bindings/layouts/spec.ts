/**
 * What the generator reads out of Xen's installed headers. A field is an integer unless its name is followed by `*` (a
 * pointer) or `[]` (bytes, seen as a block).
 */
export interface LayoutSpec {
  headers: string[];
  /** By our name: the C type and its fields. */
  structs: Record<string, { type: string; fields: string[] }>;
  /** Macros and enumeration constants. */
  constants: string[];
}

export const LAYOUT_SPEC: LayoutSpec = {
  headers: ['xenctrl.h', 'xenguest.h', 'xen/hvm/params.h', 'xen/sched.h', 'xen/version.h'],
  structs: {
    xen_domctl_createdomain: {
      type: 'struct xen_domctl_createdomain',
      fields: [
        'ssidref',
        'handle[]',
        'flags',
        'iommu_opts',
        'max_vcpus',
        'max_evtchn_port',
        'max_grant_frames',
        'max_maptrack_frames',
        'grant_opts',
        'vmtrace_size',
        'cpupool_id',
        'arch.emulation_flags',
        'arch.misc_flags',
      ],
    },
    xc_domaininfo: {
      type: 'xc_domaininfo_t',
      fields: ['domain', 'flags', 'tot_pages', 'max_pages', 'max_vcpu_id', 'ssidref', 'handle[]'],
    },
    xc_physinfo: {
      type: 'xc_physinfo_t',
      fields: ['total_pages', 'free_pages', 'capabilities'],
    },
    xc_cpupoolinfo: { type: 'xc_cpupoolinfo_t', fields: ['cpupool_id', 'cpumap*'] },
    xc_dom_image: {
      type: 'struct xc_dom_image',
      fields: [
        'modules[0].seg.pfn',
        'start_info_pfn',
        'pv_p2m*',
        'p2m_size',
        'total_pages',
        'flags',
        'xenstore_evtchn',
        'console_domid',
        'xenstore_domid',
        'guest_domid',
        'container_type',
        'target_pages',
        'mmio_start',
        'mmio_size',
        'lowmem_end',
        'highmem_end',
        'acpi_modules[0].data*',
        'acpi_modules[0].length',
        'acpi_modules[0].guest_addr_out',
        'e820*',
        'e820_entries',
        'max_vcpus',
      ],
    },
    xen_extraversion: { type: 'xen_extraversion_t', fields: [] },
    xen_commandline: { type: 'xen_commandline_t', fields: [] },
    e820entry: { type: 'struct e820entry', fields: ['addr', 'size', 'type'] },
  },
  constants: [
    'XEN_DOMCTL_INTERFACE_VERSION',
    'XEN_DOMCTL_CDF_hvm',
    'XEN_DOMCTL_CDF_hap',
    'XEN_X86_EMU_LAPIC',
    'XEN_DOMINF_dying',
    'XEN_DOMINF_shutdown',
    'XEN_DOMINF_paused',
    'XEN_SYSCTL_PHYSCAP_hvm',
    'XEN_SYSCTL_PHYSCAP_hap',
    'XEN_SYSCTL_PHYSCAP_gnttab_v2',
    'XEN_VCPUAFFINITY_HARD',
    'XENVER_extraversion',
    'XENVER_commandline',
    'MAX_GUEST_CMDLINE',
    'SIF_PRIVILEGED',
    'SIF_INITDOMAIN',
    'XC_DOM_PV_CONTAINER',
    'XC_DOM_HVM_CONTAINER',
    'E820_RAM',
    'E820_RESERVED',
    'E820_ACPI',
    'X86_HVM_NR_SPECIAL_PAGES',
    'X86_HVM_END_SPECIAL_REGION',
    'HVM_PARAM_STORE_PFN',
    'HVM_PARAM_TIMER_MODE',
    'HVMPTM_no_delay_for_missed_ticks',
    'SHUTDOWN_poweroff',
    'SHUTDOWN_reboot',
    'DOMID_FIRST_RESERVED',
  ],
};
