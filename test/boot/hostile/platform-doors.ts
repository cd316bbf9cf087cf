import { always, type Door, type Earlier, notCalledByVirtual, question, SILENT } from './door.ts';

const plain = (
  attempt: string,
  number: number,
  asks: string,
  target = 'xen_t',
  earlier: readonly Earlier[] = [],
): Door => ({
  ...{ attempt, number, of: 'platform', result: 'EACCES', earlier },
  asks: question(asks, target),
});

/** XEN_SYSCTL_* (xen/include/public/sysctl.h). */
const sysctls: readonly [number: number, asks: string, target?: string][] = [
  [1, 'xen readconsole'],
  [2, 'xen tbufcontrol'],
  [3, 'xen physinfo'],
  [4, 'xen getscheduler'],
  [5, 'xen perfcontrol'],
  [7, 'xen debug'],
  [8, 'xen getcpuinfo'],
  [9, 'xen heap'],
  [10, 'xen pm_op'],
  [11, 'resource plug', 'domxen_t'],
  [12, 'xen pm_op'],
  [15, 'xen lockprof'],
  [16, 'xen physinfo'],
  [17, 'xen physinfo'],
  [18, 'xen cpupool_op'],
  [20, 'xen2 coverage_op'],
  [21, 'xen2 psr_cmt_op'],
  [22, 'xen physinfo'],
  [23, 'xen2 psr_alloc'],
  [25, 'xen2 get_cpu_levelling_caps'],
  [26, 'xen2 get_cpu_featureset'],
  [27, 'xen2 livepatch_op'],
  [29, 'xen physinfo'],
];

/** XENPF_* (xen/include/public/platform.h). */
const platformOperations: readonly [number: number, asks: string, target?: string][] = [
  [17, 'xen settime'],
  [62, 'xen settime'],
  [31, 'xen mtrr_add'],
  [32, 'xen mtrr_del'],
  [33, 'xen mtrr_read'],
  [35, 'xen microcode'],
  [39, 'xen quirk'],
  [49, 'xen firmware'],
  [50, 'xen firmware'],
  [51, 'xen sleep'],
  [52, 'xen frequency'],
  [53, 'xen getidle'],
  [54, 'xen pm_op'],
  [60, 'xen pm_op'],
  [55, 'xen getcpuinfo'],
  [48, 'xen getcpuinfo'],
  [56, 'resource plug', 'domxen_t'],
  [57, 'resource unplug', 'domxen_t'],
  [58, 'resource plug', 'domxen_t'],
  [59, 'resource plug', 'domxen_t'],
  [61, 'xen2 resource_op'],
  [63, 'xen2 get_symbol'],
];

/** FLASK_* (xen/include/public/xsm/flask_op.h). */
const security: readonly [number: number, asks: string][] = [
  [3, 'security setenforce'],
  [5, 'security check_context'],
  [6, 'security compute_av'],
  [7, 'security compute_create'],
  [8, 'security compute_relabel'],
  [13, 'security setbool'],
  [20, 'security compute_member'],
];

const notPv = [notCalledByVirtual()];
const quietly: Earlier = always('EPERM', SILENT);

/** The hypervisor itself, its policy, the machine's processors. */
export const platformDoors: readonly Door[] = [
  ...sysctls.map(([number, asks, target]) => plain('sysctl', number, asks, target)),
  plain('sysctl-scheduler', 0, 'xen setscheduler'),
  plain('sysctl-scheduler', 1, 'xen getscheduler'),
  plain('page-offline', 1, 'resource unplug', 'domxen_t'),
  plain('page-offline', 2, 'resource plug', 'domxen_t'),
  plain('page-offline', 3, 'resource use', 'domxen_t'),
  plain('clear-console', 0, 'xen readconsole,clearconsole'),
  ...platformOperations.map(([number, asks, target]) => plain('platform', number, asks, target)),
  ...security.map(([number, asks]) => plain('flask', number, asks, 'security_t')),
  plain('load-policy', 0, 'security load_policy', 'security_t'),
  plain('context-to-sid', 0, 'security check_context', 'security_t'),
  plain('set-boolean', 1, 'security setbool', 'security_t'),
  plain('set-cache-threshold', 1, 'security setsecparam', 'security_t'),
  plain('add-label', 5, 'security add_ocontext', 'security_t'),
  plain('remove-label', 5, 'security del_ocontext', 'security_t'),
  plain('kexec', 0, 'xen kexec', 'xen_t', notPv),
  plain('kexec', 4, 'xen kexec', 'xen_t', notPv),
  plain('machine-check', 1, 'xen mca_op', 'xen_t', notPv),
  { ...plain('hypfs', 0, 'xen hypfs_op'), result: 'EPERM' },
  plain('read-console', 0, 'xen readconsole'),
  plain('profile', 0, 'xen nonprivprofile', 'xen_t', notPv),
  plain('profile', 3, 'xen privprofile', 'xen_t', [
    ...notPv,
    always('EPERM', 'only the profiler may, and there is none'),
  ]),
  plain('performance-unit', 0, 'xen2 pmu_ctrl', 'xen_t', [
    always('EOPNOTSUPP', "Xen's command line does not switch performance counters on"),
  ]),
  plain('argo', 0, 'argo enable', 'xen_t', [always('EOPNOTSUPP', 'Xen was not started with argo')]),
  plain('transcendent-memory', 0, 'nothing', 'xen_t', [always('ENOSYS', 'Xen has it no more')]),
  plain('machine-memory-map', 0, 'mmu memorymap', 'xen_t', notPv),
  {
    ...plain('command-line', 0, 'version xen_commandline', 'xen_t', [quietly]),
    onlyBy: ['guest', 'guarded', 'driver', 'vtpm'],
  },
  {
    ...plain('version', 10, 'version xen_build_id', 'xen_t', [quietly]),
    onlyBy: ['guest', 'guarded', 'driver', 'vtpm'],
  },
];
