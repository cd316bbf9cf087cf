import {
  always,
  type Door,
  type Earlier,
  notCalledByVirtual,
  notVirtual,
  onlyForPv,
  question,
} from './door.ts';

const plain = (attempt: string, asks: string, number = 0): Door => ({
  ...{ attempt, number, of: 'domain', result: 'EACCES', earlier: [] },
  asks: question(asks),
});

const onlyForHardwareDomain = (result: 'EPERM' | 'EACCES'): Earlier => ({
  result,
  because: 'of virtual machines, only the hardware domain may (arch_acquire_resource_check)',
  when: ({ caller }) => caller.kind === 'pvh',
});

const notTranslated: Earlier = {
  result: 'EACCES',
  because:
    'a paravirtualized domain has no physical memory of its own to add to (xatp_permission_check)',
  when: ({ target }) => target.kind === 'pv',
};

/** Any frame of the machine. */
const frame = 0x1000;

/** A domain's memory, as another one sees it: xen/include/public/memory.h, and the calls of paravirtualized domains. */
export const memoryDoors: readonly Door[] = [
  {
    ...plain('map', 'mmu map_read,map_write', frame),
    earlier: [onlyForHardwareDomain('EPERM')],
  },
  // Memory of Xen itself, and what is no memory.
  ...[
    { domid: 0x7ff2, owner: 'domxen_t' },
    { domid: 0x7ff1, owner: 'domio_t' },
  ].map(
    ({ domid, owner }): Door => ({
      ...{ attempt: 'map', number: frame, of: 'platform', domid, result: 'EACCES' },
      earlier: [onlyForHardwareDomain('EPERM')],
      asks: question('mmu map_read,map_write', owner),
    }),
  ),
  {
    ...plain('update-va-mapping', 'mmu map_read,map_write', frame),
    earlier: [notCalledByVirtual()],
  },
  {
    ...plain('mmu-update', 'mmu updatemp', frame),
    earlier: [notCalledByVirtual(), onlyForPv('EINVAL')],
  },
  { ...plain('mmu-extended', 'mmu mmuext_op', frame), earlier: [onlyForPv('EINVAL')] },
  // XENMEM_increase_reservation, decrease_reservation, populate_physmap: the answer is how many frames.
  ...[0, 1, 6].map(
    (number): Door => ({ ...plain('reserve', 'mmu adjust', number), result: 'nothing' }),
  ),
  // XENMEM_current_reservation, maximum_reservation, maximum_gpfn.
  ...[3, 4, 14].map((number) => plain('ask-memory', 'mmu stat', number)),
  {
    ...plain('add-foreign', 'nothing', frame),
    earlier: [
      { ...notTranslated, when: ({ caller }) => caller.kind === 'pv' },
      onlyForHardwareDomain('EPERM'),
    ],
  },
  { ...plain('add-to-physmap', 'mmu physmap', frame), earlier: [notTranslated] },
  { ...plain('remove-from-physmap', 'mmu physmap', frame), earlier: [notTranslated] },
  // XENMEM_resource_*: ioreq server, grant table, trace buffer.
  ...[0, 1, 2].map(
    (number): Door => ({
      ...plain('acquire', 'domain2 resource_map', number),
      earlier: [onlyForHardwareDomain('EACCES')],
    }),
  ),
  {
    ...plain('memory-access', 'domain2 mem_access'),
    earlier: [always('EINVAL', 'AMD processors, such as the emulated one, report no accesses')],
  },
  ...['memory-paging', 'memory-sharing'].map(
    (attempt): Door => ({
      ...plain(attempt, 'nothing'),
      earlier: [always('ENOSYS', "Debian's configuration has neither")],
    }),
  ),
  plain('claim', 'domain2 setclaim', 1),
  plain('exchange', 'mmu exchange', frame),
  plain('set-memory-map', 'mmu memorymap'),
  plain('get-nodes', 'domain2 get_vnumainfo'),
  // XENMEM_set_pod_target, get_pod_target.
  { ...plain('on-demand', 'domain setpodtarget', 16), earlier: [notVirtual('EINVAL')] },
  { ...plain('on-demand', 'domain getpodtarget', 17), earlier: [notVirtual('EINVAL')] },
];
