import { expectedCreation, mostMemoryKiB } from '../../../bindings/creation-outcome.ts';
import { rightsLeft } from '../../../bindings/hardware-access.ts';
import type {
  DomainHoldings,
  EventChannel,
  PageGrant,
  Permissions,
} from '../../../bindings/holdings.ts';
import type { HardwareAccess, HostInfo } from '../../../bindings/hypervisor.ts';
import { common, excluding, merged } from '../../../bindings/ranges.ts';
import { buildLabel } from '../../../domains/build-label.ts';
import type { DomainDevices, NumberRange } from '../../../domains/settings.ts';
import type { CreatedDomain } from '../state.ts';

/** What decides about the domains of a boot, beside their own properties. */
export interface BootFacts {
  host: HostInfo;
  /** The domain that serves the rings of others. */
  hardwareDomid: number | undefined;
  /** What Xen let the boot domain use before there were others; undefined where Xen can't be asked. */
  hardware: Permissions | undefined;
  /** What boot scripts chose for the hardware domain. */
  access: HardwareAccess | undefined;
  /** What other domains were given of the machine. */
  given: readonly DomainDevices[];
  /** What domains that were given up again had been given, or would have been: it has no holder, or was never given. */
  perhapsGiven: readonly DomainDevices[];
}

/**
 * What a domain that was built, and not started yet, has to have.
 * @param found what it has: taken over where nobody can know, as said there
 */
export function expectedHoldings(
  domain: CreatedDomain,
  facts: BootFacts,
  found: DomainHoldings,
): DomainHoldings {
  const { domid, uuid, seclabel, type, memoryKiB, maxVcpus, cpus } = domain;
  return {
    ...{ domid, uuid },
    // It gets its own when nothing is left to be done to it.
    seclabel: buildLabel(seclabel),
    memoryKiB: type === 'pv' ? memoryKiB : specialPagesIncluded(domain, found),
    hardwareAssisted: type !== 'pv',
    paused: true,
    dying: false,
    maxMemoryKiB: mostMemoryKiB(domain),
    vcpus: maxVcpus,
    cpus: cpus === 'all' ? facts.host.cpus : cpus,
    eventChannels: expectedChannels(domain, facts),
    grants: expectedGrants(domain, facts),
    permissions: facts.hardware && expectedPermissions(domain, facts, facts.hardware, found),
    creation: expectedCreation(domain, facts.host),
  };
}

/** Pages for rings, tables and the like lie beside the memory of a domain that is not PV; the limit has room for them. */
function specialPagesIncluded(domain: CreatedDomain, { memoryKiB }: DomainHoldings): number {
  const most = mostMemoryKiB({ maxMemoryKiB: domain.memoryKiB });
  return memoryKiB >= domain.memoryKiB && memoryKiB <= most ? memoryKiB : domain.memoryKiB;
}

/** The ports of its rings, which wait for the domain that serves them; see giveRings in bindings/xen/rings.ts. */
function expectedChannels(
  { type, xenstore, console, rings }: CreatedDomain,
  { hardwareDomid }: BootFacts,
): EventChannel[] {
  const ports = [
    // A kernel that is not PV wants one in any case; where nobody serves it, nobody was told its number.
    ...(xenstore || type !== 'pv' ? [rings?.xenstore?.port ?? FIRST_PORT] : []),
    ...(console && rings?.console ? [rings.console.port] : []),
  ];
  return ports
    .sort((a, b) => a - b)
    .map((port) => ({ port, state: 'waiting', peer: hardwareDomid ?? 0 }));
}

/** Xen gives ports from 1 on. */
const FIRST_PORT = 1;

/** GNTTAB_RESERVED_CONSOLE and GNTTAB_RESERVED_XENSTORE, xen/grant_table.h. */
const RESERVED = { console: 0, xenstore: 1 } as const;

function expectedGrants({ rings = {} }: CreatedDomain, { hardwareDomid }: BootFacts): PageGrant[] {
  return (['console', 'xenstore'] as const).flatMap((kind) => {
    const ring = rings[kind];
    if (ring === undefined) return [];
    const { frame } = ring;
    return [{ reference: RESERVED[kind], to: hardwareDomid ?? 0, readOnly: false, frame }];
  });
}

function expectedPermissions(
  { hardware, devices }: CreatedDomain,
  { host, access, given, perhapsGiven }: BootFacts,
  noted: Permissions,
  { permissions: found = noted }: DomainHoldings,
): Permissions {
  if (!hardware) return { ...rangesOf(devices), pci: [] };
  const others = given.map(rangesOf);
  const unknown = perhapsGiven.map(rangesOf);
  const left = (resource: 'ioports' | 'iomem' | 'irqs') => {
    const undecided = unknown.flatMap((each) => each[resource]);
    const kept = excluding(rightsLeft(resource, noted[resource], access?.[resource]), [
      ...others.flatMap((each) => each[resource]),
      ...undecided,
    ]);
    return merged([...kept, ...common(found[resource], undecided)]);
  };
  const iomem = left('iomem');
  return {
    ioports: left('ioports'),
    iomem: host.iommu ? excluding(iomem, iommuPages(excluding(iomem, found.iomem))) : iomem,
    irqs: left('irqs'),
    // Those that the machine has: Xen finds them and gives them to the hardware domain, whichever they are.
    pci: found.pci,
  };
}

/** A page or a few for each. */
const MOST_IOMMU_PAGES = 64;

/**
 * The registers of IOMMUs, which Xen keeps when it makes the hardware domain (intel_iommu_hwdom_init,
 * xen/drivers/passthrough/vtd/iommu.c), and does not tell which they are: a few pages that the domain lacks.
 */
function iommuPages(lacking: readonly NumberRange[]): readonly NumberRange[] {
  const pages = lacking.reduce((sum, { count }) => sum + count, 0);
  return pages <= MOST_IOMMU_PAGES ? lacking : [];
}

function rangesOf({ ioports, iomem, irqs }: DomainDevices): Omit<Permissions, 'pci'> {
  return {
    ioports: merged(ioports),
    iomem: merged(iomem),
    irqs: merged(irqs.map((first) => ({ first, count: 1 }))),
  };
}
