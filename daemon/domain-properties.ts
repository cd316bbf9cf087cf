import type { DomainProperties } from '../bindings/hypervisor.ts';
import type { DomainSettings } from '../boot-configs/manifest.ts';

/** What the hypervisor is asked for, for a domain of the manifest; the boot adds the UUID. */
export function domainProperties(domain: DomainSettings): DomainProperties {
  return {
    name: domain.name,
    domid: domain.domid,
    type: domain.type,
    seclabel: domain.seclabel,
    memoryKiB: domain.memoryKiB,
    maxMemoryKiB: domain.maxMemoryKiB,
    vcpus: domain.vcpus,
    maxVcpus: domain.maxVcpus,
    cpuid: domain.cpuid,
    nestedHvm: domain.nestedHvm,
    msrRelaxed: domain.msrRelaxed,
    ...(domain.cpus ? { cpus: domain.cpus } : {}),
    limits: domain.limits,
    devices: domain.devices,
    iommu: domain.pci.length > 0,
    xenstore: domain.xenstore,
    console: domain.console,
    hardware: domain.capabilities.includes('hardware'),
  };
}
