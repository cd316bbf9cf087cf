/** All rules that a domain keeps by itself, whatever Xen it is for. */
import type { DomainProperties } from '../settings.ts';
import { deviceFault, givenDevices, hardwareTypeFault, pagesFault, pciFault } from './devices.ts';
import { maximumMemoryFault, memoryFault } from './memory.ts';
import { cpuidFault, msrRelaxedFault, nestedHvmFault } from './processor.ts';
import type { Fault } from './rule.ts';
import { serviceFault } from './services.ts';
import { maximumVcpusFault, vcpusFault } from './vcpus.ts';

/** What is wrong with a domain whose values have the form that they must have. A manifest's checks say the same, each at its place. */
export function domainFaults(domain: DomainProperties): Fault[] {
  const found = [
    memoryFault(domain),
    domain.maxMemoryKiB === domain.memoryKiB ? undefined : maximumMemoryFault(domain),
    vcpusFault(domain),
    maximumVcpusFault(domain),
    cpuidFault(domain),
    msrRelaxedFault(domain),
    nestedHvmFault(domain),
    hardwareTypeFault(domain),
    ...givenDevices(domain).map((property) => deviceFault(property, domain)),
    ...domain.devices.iomem.map(pagesFault),
    domain.iommu ? pciFault(domain) : undefined,
    domain.xenstore ? serviceFault('xenstore', domain) : undefined,
    domain.console ? serviceFault('console', domain) : undefined,
  ];
  return found.filter((fault) => fault !== undefined);
}
