import type { DomainDevices, NumberRange } from '../domains/settings.ts';
import type { OwnRights, Resource } from './hardware-access.ts';
import type { Permissions } from './holdings.ts';
import { excluding, merged } from './ranges.ts';

/** What Xen gives to its first domain (dom0_setup_permissions, xen/arch/x86/dom0_build.c), and what was given up of it. */
export class SimulatedRights implements OwnRights {
  /** Ranges that the boot domain does not hold. */
  readonly lacking: Record<Resource, NumberRange[]>;

  /**
   * @param keptPorts those that Xen keeps on this machine beside those that it keeps on all
   * @param ram pages of RAM, over which Xen gives nobody rights
   */
  constructor(keptPorts: readonly NumberRange[] = [], ram: readonly NumberRange[] = []) {
    this.lacking = lackingAtFirst(keptPorts, ram);
  }

  /** All that it still holds. */
  held(): Permissions {
    const { ioports, iomem, irqs } = this.lacking;
    return {
      ioports: excluding([EVERYTHING.ioports], ioports),
      iomem: excluding([EVERYTHING.iomem], iomem),
      irqs: excluding([EVERYTHING.irqs], irqs),
      pci: [],
    };
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

  holdsAll(devices: DomainDevices): boolean {
    return listed(devices).every(([resource, range]) => this.holds(resource, range));
  }

  /** Gives devices that it holds to another domain. */
  give(devices: DomainDevices): void {
    for (const [resource, range] of listed(devices)) this.giveUp(resource, range);
  }
}

/** The rights of who is given devices and nothing else. */
export function givenRights({ ioports, iomem, irqs }: DomainDevices): Permissions {
  return {
    ioports: merged(ioports),
    iomem: merged(iomem),
    irqs: merged(irqs.map((first) => ({ first, count: 1 }))),
    pci: [],
  };
}

export const NO_RIGHTS: Permissions = { ioports: [], iomem: [], irqs: [], pci: [] };

/** Of a machine with 36 bits of addresses and 24 interrupt lines. */
const EVERYTHING: Readonly<Record<Resource, NumberRange>> = {
  ioports: { first: 0, count: 0x1_0000 },
  iomem: { first: 0, count: 0x100_0000 },
  irqs: { first: 0, count: 24 },
};

function listed(devices: DomainDevices): [Resource, NumberRange][] {
  const { ioports, iomem, irqs } = devices;
  return [
    ...ioports.map((range): [Resource, NumberRange] => ['ioports', range]),
    ...iomem.map((range): [Resource, NumberRange] => ['iomem', range]),
    ...irqs.map((first): [Resource, NumberRange] => ['irqs', { first, count: 1 }]),
  ];
}

function lackingAtFirst(
  keptPorts: readonly NumberRange[],
  ram: readonly NumberRange[],
): Record<Resource, NumberRange[]> {
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
    // Beside RAM the IO-APIC, and what MSIs are written to.
    iomem: [...ram, { first: 0xfec00, count: 1 }, { first: 0xfee00, count: 0x100 }],
    irqs: [
      { first: 0, count: 1 },
      { first: 2, count: 1 },
    ],
  };
}
