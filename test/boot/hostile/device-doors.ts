import {
  always,
  type Door,
  type Earlier,
  notCalledByVirtual,
  notVirtual,
  question,
} from './door.ts';

const hasNothing = (result: 'EPERM' | 'EFAULT' = 'EPERM'): Earlier => ({
  result,
  because: 'who has no such right has none to give',
  when: ({ caller }) => caller.domid !== 0,
});

const towards = (
  attempt: string,
  number: number,
  asks: string,
  earlier: readonly Earlier[],
  result: Door['result'] = 'EACCES',
): Door => ({ ...{ attempt, number, of: 'domain', result, earlier }, asks: question(asks) });

const own = (
  attempt: string,
  number: number,
  asks: string,
  target: string,
  earlier: readonly Earlier[] = [notCalledByVirtual()],
): Door => ({
  ...{ attempt, number, of: 'platform', result: 'EACCES', earlier },
  asks: question(asks, target),
});

const DOMID_SELF = 0x7ff0;

/** For itself: the attempt's domid is DOMID_SELF, so that FLASK asks about what the caller is to itself. */
const forItself = (attempt: string, number: number, asks: string): Door => ({
  ...own(attempt, number, asks, 'nobody'),
  domid: DOMID_SELF,
  asks: (situation) => question(asks, situation.caller.self)?.(situation),
});

/** Where the emulated machine has devices: a frame, a port, interrupt lines (domain 0 has bound the second), a function of PCI. */
const place = { frame: 0xfeb00, port: 0x60, line: 5, boundLine: 9, function: 0x0000 };

/** Devices and what belongs to them: xen/include/public/physdev.h, domctls that give them away, and instructions. */
export const deviceDoors: readonly Door[] = [
  towards('iomem', place.frame, 'resource add', [hasNothing()], 'EPERM'),
  towards('iomem-away', place.frame, 'resource remove', [hasNothing()], 'EPERM'),
  towards('ioport', place.port, 'resource add', [hasNothing()], 'EPERM'),
  towards('irq', place.boundLine, 'resource add', [hasNothing()], 'EPERM'),
  towards(
    'map-iomem',
    place.frame,
    'nothing',
    [always('EPERM', 'neither of the two has it')],
    'EPERM',
  ),
  towards('map-ioport', place.port, 'resource add', [notVirtual('EOPNOTSUPP'), hasNothing()]),
  towards('bind-irq', place.line, 'resource add', [notVirtual('EINVAL')]),
  towards('unbind-irq', place.line, 'resource remove', [
    notVirtual('EINVAL'),
    always('EPERM', 'the domain has no such interrupt'),
  ]),
  ...['assign', 'deassign'].map((attempt) =>
    towards(attempt, place.function, 'nothing', [always('EOPNOTSUPP', 'the machine has no IOMMU')]),
  ),
  towards('map-irq', place.line, 'resource add', [notCalledByVirtual()]),
  towards('map-msi', place.function, 'resource add', [notCalledByVirtual()]),
  towards('unmap-irq', place.line, 'resource remove', [notCalledByVirtual()]),
  forItself('map-irq', place.line, 'resource add'),
  forItself('map-msi', place.function, 'resource add'),
  own('setup-gsi', place.line, 'resource setup', 'irq_t'),
  own('read-apic', 0, 'xen readapic', 'xen_t'),
  own('write-apic', 0, 'xen writeapic', 'xen_t'),
  own('add-device', place.function, 'resource plug', 'host_bridge_t'),
  own('remove-device', place.function, 'resource unplug', 'host_bridge_t'),
  own('prepare-msix', place.function, 'resource setup', 'host_bridge_t'),
  own('restore-msi', place.function, 'resource setup', 'host_bridge_t'),
  own('reserve-configuration', 0, 'resource setup', 'xen_t'),
  {
    ...own('debug-port', 0, 'nothing', 'xen_t', [
      notCalledByVirtual(),
      always('EPERM', 'only the hardware domain may'),
    ]),
    onlyBy: ['guest', 'guarded', 'driver', 'vtpm'],
  },
  ...[
    { attempt: 'read-port', number: place.port, result: 'all ones in 8 bits' as const },
    {
      attempt: 'read-configuration',
      number: place.function,
      result: 'all ones in 16 bits' as const,
    },
  ].map(
    ({ attempt, number, result }): Door => ({
      ...own(attempt, number, 'nothing', 'xen_t', [
        always(result, 'Xen lets nobody through to ports that are not his'),
      ]),
      onlyBy: ['guest', 'guarded', 'driver', 'vtpm'],
    }),
  ),
  // Where processors of Intel take microcode, and what of them is locked.
  ...[0x79, 0x3a].map(
    (number): Door => ({
      ...own('write-register', number, 'nothing', 'xen_t', [
        always('EIO', 'Xen answers with a fault, as a processor without such a register does'),
      ]),
      onlyBy: ['guest', 'guarded', 'driver'],
    }),
  ),
];
