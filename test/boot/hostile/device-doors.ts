import {
  always,
  type Door,
  type Earlier,
  notCalledByVirtual,
  notVirtual,
  question,
} from './door.ts';

const towards = (
  attempt: string,
  number: number,
  asks: string,
  earlier: readonly Earlier[],
  result: Door['result'] = 'EACCES',
): Door => ({ ...{ attempt, number, of: 'domain', result, earlier }, asks: question(asks) });

/** All but the hardware domain. */
const hasNothing = ['guest', 'guarded', 'driver', 'vtpm'];

/**
 * What changes others' rights over hardware of type `hardware`. Of who has no such right FLASK is asked whether it may give what it does
 * not have; of the hardware domain, which has all, `asks` over the other.
 */
const giving = (
  attempt: string,
  number: number,
  hardware: string,
  asks: string,
  earlier: readonly Earlier[] = [],
  result: Door['result'] = 'EPERM',
): Door[] => [
  { ...towards(attempt, number, asks, earlier, result), onlyBy: ['dom0'] },
  {
    ...towards(attempt, number, 'nothing', earlier, 'EPERM'),
    asks: question('resource delegate', hardware),
    onlyBy: hasNothing,
  },
];

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
  ...giving('iomem', place.frame, 'iomem_t', 'resource add'),
  ...giving('iomem-away', place.frame, 'iomem_t', 'resource remove'),
  ...giving('ioport', place.port, 'ioport_t', 'resource add'),
  ...giving('irq', place.boundLine, 'irq_t', 'resource add'),
  ...giving('map-iomem', place.frame, 'iomem_t', 'nothing', [
    {
      result: 'EPERM',
      because: 'the other does not have it',
      when: ({ caller }) => caller.domid === 0,
    },
  ]),
  ...giving(
    'map-ioport',
    place.port,
    'ioport_t',
    'resource add',
    [notVirtual('EOPNOTSUPP')],
    'EACCES',
  ),
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
    onlyBy: hasNothing,
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
      onlyBy: hasNothing,
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
