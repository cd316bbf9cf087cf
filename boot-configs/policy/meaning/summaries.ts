/**
 * Permissions that are told together, by the most that they amount to. Written as `class:permission`.
 */
export interface Summary {
  /** In words that follow "may" and call the target "it". */
  says: string;
  /** All of these have to be held. */
  needs: readonly string[];
  /** What goes without saying then. */
  covers: readonly string[];
}

const seeing = [
  ...['domain:getvcpuinfo', 'domain:getaffinity', 'domain:getscheduler', 'domain:getaddrsize'],
  ...['domain:getpodtarget', 'domain:getpagingmempool', 'domain2:gettsc', 'domain2:get_cpu_policy'],
  ...['domain2:get_permissions', 'domain2:get_creation', 'domain2:get_evtchns'],
  ...['domain2:get_vnumainfo', 'mmu:stat', 'mmu:pageinfo', 'hvm:getparam', 'grant:query'],
];
const settings = [
  ...['domain:max_vcpus', 'domain:setaffinity', 'domain:setdomainmaxmem', 'domain:setdomainhandle'],
  ...['domain:settime', 'domain:setaddrsize', 'domain:setpodtarget', 'domain:setpagingmempool'],
  ...['domain:set_misc_info', 'domain2:set_cpu_policy', 'domain2:settsc', 'domain2:setscheduler'],
  ...['domain2:setclaim', 'domain2:set_vnumainfo', 'domain2:psr_cmt_op', 'domain2:psr_alloc'],
  ...['hvm:setparam', 'hvm:hvmctl', 'hvm:altp2mhvm', 'hvm:altp2mhvm_op', 'shadow:enable'],
];
const writing = [
  ...['mmu:adjust', 'mmu:physmap', 'mmu:pinpage', 'mmu:updatemp', 'mmu:mmuext_op', 'mmu:memorymap'],
  ...['mmu:exchange', 'domain:hypercall', 'domain2:cacheflush', 'grant:setup'],
];
const grants = ['grant:map_read', 'grant:map_write', 'grant:copy'];

/** What a domain's holders may do with it, the most first. */
export const domainSummaries: readonly Summary[] = [
  {
    says: 'create and build it, with its memory, registers and settings in their hands',
    needs: ['domain:create', 'domain:setvcpucontext', 'mmu:map_read', 'mmu:map_write'],
    // The policy's question about labels goes to the security server; its rule for domains is idle.
    covers: [
      ...[...seeing, ...settings, ...writing, 'domain:getdomaininfo', 'domain:getvcpucontext'],
      ...['hvm:gethvmc', 'hvm:sethvmc', 'hvm:dm', 'domain2:soft_reset', 'domain2:resource_map'],
      'security:check_context',
    ],
  },
  { says: 'read and write its memory', needs: ['mmu:map_read', 'mmu:map_write'], covers: writing },
  {
    says: 'read and set its registers',
    needs: ['domain:getvcpucontext', 'domain:setvcpucontext'],
    covers: ['hvm:gethvmc', 'hvm:sethvmc'],
  },
  {
    says: 'change its processors, memory limit and scheduling',
    needs: ['domain:setdomainmaxmem', 'domain:setaffinity', 'domain2:setscheduler'],
    covers: settings,
  },
  { says: 'see its state', needs: ['domain:getdomaininfo'], covers: seeing },
  {
    says: 'stop it, let it run, shut it down and destroy it',
    needs: ['domain:pause', 'domain:unpause', 'domain:shutdown', 'domain:destroy'],
    covers: ['domain:resume', 'domain:trigger', 'domain2:soft_reset'],
  },
  {
    says: 'stop it and let it run',
    needs: ['domain:pause', 'domain:unpause'],
    covers: ['domain:resume'],
  },
  {
    says: 'watch which of its pages it writes, as its migration does',
    needs: ['shadow:logdirty', 'shadow:disable'],
    covers: ['shadow:enable'],
  },
  { says: 'map and copy pages that it grants', needs: grants, covers: ['grant:unmap'] },
  {
    says: 'map pages that it grants',
    needs: ['grant:map_read', 'grant:map_write'],
    covers: ['grant:unmap'],
  },
  {
    says: 'give it devices, and take them away',
    needs: ['resource:add', 'resource:remove'],
    covers: [],
  },
];

/** What a domain may do with itself. */
export const selfSummaries: readonly Summary[] = [
  {
    says: 'what every domain does: manage its memory, grants and parameters',
    needs: ['mmu:map_read', 'mmu:map_write', 'grant:setup'],
    covers: [
      ...[...writing, ...seeing, 'hvm:setparam', 'hvm:altp2mhvm_op'],
      ...[...grants, 'grant:unmap'],
    ],
  },
  ...domainSummaries.filter(({ needs }) => !needs.includes('mmu:map_read')),
];

const versions = [
  ...['extraversion', 'compile_info', 'capabilities', 'changeset', 'pagesize', 'guest_handle'],
].map((name) => `version:xen_${name}`);

/** What may be done with the hypervisor. */
export const hypervisorSummaries: readonly Summary[] = [
  {
    says: 'what every domain may: read its version and print on its console',
    needs: [...versions, 'xen:writeconsole'],
    covers: [],
  },
  { says: 'read its version', needs: versions, covers: [] },
  {
    says: "see the machine's processors, memory and load",
    needs: ['xen:physinfo'],
    covers: [
      ...['xen:getcpuinfo', 'xen:heap', 'xen:getidle', 'xen:getscheduler', 'xen:mtrr_read'],
      ...['xen2:get_cpu_featureset', 'xen2:get_cpu_levelling_caps'],
    ],
  },
  {
    says: 'set scheduling, pools of processors and power management',
    needs: ['xen:setscheduler', 'xen:cpupool_op', 'xen:pm_op'],
    covers: ['xen:frequency', 'xen2:psr_alloc', 'xen2:psr_cmt_op'],
  },
  {
    says: 'read and clear its console',
    needs: ['xen:readconsole', 'xen:clearconsole'],
    covers: [],
  },
  {
    says: 'set cache types of physical memory',
    needs: ['xen:mtrr_add', 'xen:mtrr_del'],
    covers: [],
  },
  {
    says: 'work on the I/O APICs',
    needs: ['xen:readapic', 'xen:writeapic'],
    covers: [],
  },
];

const handing = ['device', 'irq', 'ioport', 'iomem'].map((what) => [
  `resource:add_${what}`,
  `resource:remove_${what}`,
]);

/** What may be done with hardware of a label. */
export const hardwareSummaries: readonly Summary[] = [
  {
    says: 'give it devices, and take them away',
    needs: ['resource:add', 'resource:remove'],
    covers: [],
  },
  {
    says: "use it, with or without an IOMMU (without, a device's DMA reaches all memory)",
    needs: ['resource:use_iommu', 'resource:use_noiommu'],
    covers: ['resource:use_iommu_nointremap'],
  },
  {
    says: 'use it behind an IOMMU, even one that does not guard interrupts',
    needs: ['resource:use_iommu', 'resource:use_iommu_nointremap'],
    covers: [],
  },
  { says: 'map its memory', needs: ['mmu:map_read', 'mmu:map_write'], covers: [] },
  { says: 'hand it out and take it back', needs: handing.flat(), covers: [] },
  ...handing.map((needs, at) => ({
    says: `hand out and take back ${['what it is', 'its interrupts', 'its ports', 'its memory'][at]}`,
    needs,
    covers: [],
  })),
  {
    says: 'set it up, add it to the machine and remove it',
    needs: ['resource:setup', 'resource:plug', 'resource:unplug'],
    covers: ['resource:stat_device', 'hvm:bind_irq'],
  },
];
