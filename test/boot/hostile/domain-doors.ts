import { always, type Door, notVirtual, question } from './door.ts';

/** Domctls (xen/include/public/domctl.h), each with what FLASK asks of who tries it: xen/xsm/flask/hooks.c, flask_domctl. */
const controls: Readonly<Record<string, string>> = {
  destroy: 'domain destroy',
  pause: 'domain pause',
  unpause: 'domain unpause',
  resume: 'domain resume',
  'get-info': 'domain getdomaininfo',
  'set-vcpu-affinity': 'domain setaffinity',
  'set-node-affinity': 'domain setaffinity',
  'get-vcpu-affinity': 'domain getaffinity',
  'get-node-affinity': 'domain getaffinity',
  'set-vcpu-context': 'domain setvcpucontext',
  'set-extended-context': 'domain setvcpucontext',
  'set-extended-state': 'domain setvcpucontext',
  'set-msrs': 'domain setvcpucontext',
  'get-vcpu-context': 'domain getvcpucontext',
  'get-extended-context': 'domain getvcpucontext',
  'get-extended-state': 'domain getvcpucontext',
  'get-msrs': 'domain getvcpucontext',
  'get-vcpu-info': 'domain getvcpuinfo',
  'set-max-vcpus': 'domain max_vcpus',
  'set-max-memory': 'domain setdomainmaxmem',
  'set-handle': 'domain setdomainhandle',
  'set-debugging': 'domain setdebugging',
  'single-step': 'domain setdebugging',
  'read-by-gdbsx': 'domain setdebugging',
  'pause-by-gdbsx': 'domain setdebugging',
  'unpause-by-gdbsx': 'domain setdebugging',
  'state-by-gdbsx': 'domain setdebugging',
  'trace-vcpu': 'domain setdebugging',
  'hypercall-page': 'domain hypercall',
  'set-time-offset': 'domain settime',
  'set-address-size': 'domain setaddrsize',
  'get-address-size': 'domain getaddrsize',
  'send-trigger': 'domain trigger',
  subscribe: 'domain set_misc_info',
  'set-virq-handler': 'domain set_virq_handler',
  'set-paging-pool': 'domain setpagingmempool',
  'get-paging-pool': 'domain getpagingmempool',
  'set-cpu-policy': 'domain2 set_cpu_policy',
  'get-cpu-policy': 'domain2 get_cpu_policy',
  'get-permissions': 'domain2 get_permissions',
  'get-creation': 'domain2 get_creation',
  'get-event-channels': 'domain2 get_evtchns',
  'get-tsc': 'domain2 gettsc',
  'set-tsc': 'domain2 settsc',
  'set-nodes': 'domain2 set_vnumainfo',
  'cache-monitoring': 'domain2 psr_cmt_op',
  'cache-allocation': 'domain2 psr_alloc',
  monitor: 'domain2 vm_event',
  'vm-event': 'domain2 vm_event',
  'access-required': 'domain2 vm_event',
  'soft-reset': 'domain2 soft_reset',
  'flush-caches': 'domain2 cacheflush',
  'page-info': 'mmu pageinfo',
  'get-hvm-context': 'hvm gethvmc',
  'get-hvm-context-part': 'hvm gethvmc',
  'set-hvm-context': 'hvm sethvmc',
  'share-memory': 'hvm mem_sharing',
  'audit-p2m': 'hvm audit_p2m',
};

/** The scheduler's parameters, put and got for the domain and for its vCPUs: XEN_DOMCTL_SCHEDOP_*. */
const scheduling = [
  'domain2 setscheduler',
  'domain getscheduler',
  'domain2 setscheduler',
  'domain getscheduler',
];

/** XEN_DOMCTL_SHADOW_OP_*: off, enable (and for tests), allocation (get, set), and the log of what a domain writes. */
const shadowing: readonly [number: number, asks: string][] = [
  [0, 'shadow disable'],
  [32, 'shadow enable'],
  [1, 'shadow enable'],
  [30, 'shadow enable'],
  [31, 'shadow enable'],
  [2, 'shadow logdirty'],
  [11, 'shadow logdirty'],
  [12, 'shadow logdirty'],
];

const plain = (attempt: string, asks: string, number = 0): Door => ({
  ...{ attempt, number, of: 'domain', result: 'EACCES', earlier: [] },
  asks: question(asks),
});

/** A domid that nobody has. */
const FREE = 77;

/** SID 12 is that of guests, 3 that of domB: initial SIDs, which everybody knows (xsm/flask/policy/initial_sids). */
const creation: Door[] = [
  {
    ...plain('create', 'domain create', 3),
    of: 'platform',
    domid: FREE,
    asks: question('domain create', 'domB_t'),
  },
  {
    ...plain('create', 'domain create', 12),
    of: 'platform',
    domid: FREE,
    asks: question('domain create', 'domU_t'),
  },
  // Who may look at a domain knows its label, too.
  { ...plain('create-like', 'domain create', FREE), onlyBy: ['dom0'] },
];

export const domainDoors: readonly Door[] = [
  ...Object.entries(controls).map(([attempt, asks]) => plain(attempt, asks)),
  ...scheduling.map((asks, number) => plain('scheduler', asks, number)),
  ...shadowing.map(([number, asks]) => plain('shadow', asks, number)),
  ...creation,
  {
    ...plain('set-target', 'domain2 make_priv_for', 3),
    earlier: [
      {
        result: 'EINVAL',
        because: 'no domain is its own target',
        when: ({ target }) => target.domid === 3,
      },
    ],
  },
  plain('relabel', 'domain2 relabelfrom', 12),
  ...['pause', 'destroy', 'get-vcpu-context'].map(
    (attempt): Door => ({
      ...plain(attempt, 'nothing'),
      ...{ of: 'platform', domid: 0x7fef },
      earlier: [always('ESRCH', 'domB is gone')],
    }),
  ),
  plain('shutdown', 'domain shutdown'),
  {
    ...plain('unknown-domctl', 'nothing'),
    result: 'EPERM',
    earlier: [
      always('EPERM', 'FLASK refuses what it does not know, and says so in words of its own'),
    ],
  },
  { ...plain('get-parameter', 'hvm getparam', 1), earlier: [notVirtual('EINVAL')] },
  { ...plain('set-parameter', 'hvm setparam', 1), earlier: [notVirtual('EINVAL')] },
  plain('memory-type', 'hvm hvmctl'),
  { ...plain('device-model', 'hvm dm', 16), earlier: [notVirtual('EINVAL')] },
  {
    ...plain('alternative-p2m', 'nothing', 1),
    earlier: [
      always('EOPNOTSUPP', 'AMD processors, such as the emulated one, have no alternative p2m'),
    ],
  },
];
