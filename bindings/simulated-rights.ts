import type { OwnRights, Resource } from './hardware-access.ts';
import type { DomainDevices, NumberRange } from './hypervisor.ts';

/** What Xen gives to its first domain (dom0_setup_permissions, xen/arch/x86/dom0_build.c), and what was given up of it. */
export class SimulatedRights implements OwnRights {
  /** Ranges that the boot domain does not hold. */
  readonly lacking: Record<Resource, NumberRange[]>;

  /** @param keptPorts those that Xen keeps on this machine beside those that it keeps on all */
  constructor(keptPorts: readonly NumberRange[] = []) {
    this.lacking = lackingAtFirst(keptPorts);
  }

  holds(resource: Resource, { first, count }: NumberRange): boolean {
    return this.lacking[resource].every(
      (other) => other.first >= first + count || first >= other.first + other.count,
    );
  }

  giveUp(resource: Resource, range: NumberRange): boolean {
    if (!this.holds(resource, range)) return false;
    this.lacking[resource].push(range);
    return true;
  }

  holdsAll(devices: DomainDevices | undefined): boolean {
    return listed(devices).every(([resource, range]) => this.holds(resource, range));
  }

  /** Gives devices that it holds to another domain. */
  give(devices: DomainDevices | undefined): void {
    for (const [resource, range] of listed(devices)) this.giveUp(resource, range);
  }
}

function listed(devices: DomainDevices | undefined): [Resource, NumberRange][] {
  const { ioports = [], iomem = [], irqs = [] } = devices ?? {};
  return [
    ...ioports.map((range): [Resource, NumberRange] => ['ioports', range]),
    ...iomem.map((range): [Resource, NumberRange] => ['iomem', range]),
    ...irqs.map((first): [Resource, NumberRange] => ['irqs', { first, count: 1 }]),
  ];
}

function lackingAtFirst(keptPorts: readonly NumberRange[]): Record<Resource, NumberRange[]> {
  return {
    // Interrupt controllers, timer, PCI configuration.
    ioports: [
      ...keptPorts,
      { first: 0x20, count: 2 },
      { first: 0x40, count: 4 },
      { first: 0x61, count: 1 },
      { first: 0xa0, count: 2 },
      { first: 0xcfc, count: 4 },
    ],
    // The IO-APIC, and what MSIs are written to.
    iomem: [
      { first: 0xfec00, count: 1 },
      { first: 0xfee00, count: 0x100 },
    ],
    irqs: [
      { first: 0, count: 1 },
      { first: 2, count: 1 },
    ],
  };
}
