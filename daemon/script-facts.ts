import type { ExistingDomain, Host, PlannedDomain } from '../boot-scripts/api.ts';
import type { BootState } from './state.ts';

/** The machine, as a script sees it. */
export function hostFacts({ hypervisor }: BootState): Host {
  const { version, commandLine, totalMemoryKiB, freeMemoryKiB, cpus, hvm } = hypervisor.host();
  return { xen: version, commandLine, totalMemoryKiB, freeMemoryKiB, cpus, hvm };
}

/** The domains that the boot makes, as a script sees them. */
export function plannedDomains({ manifest, created }: BootState): PlannedDomain[] {
  return manifest.domains.map((domain) => ({
    name: domain.name,
    domid: domain.domid,
    type: domain.type,
    memoryKiB: domain.memoryKiB,
    maxMemoryKiB: domain.maxMemoryKiB,
    vcpus: domain.vcpus,
    cmdline: domain.cmdline,
    seclabel: domain.seclabel,
    capabilities: domain.capabilities,
    autostart: created.find(({ domid }) => domid === domain.domid)?.autostart ?? domain.autostart,
    critical: domain.critical,
  }));
}

/** The domains that exist now. */
export function existingDomains({ hypervisor, created }: BootState): ExistingDomain[] {
  return hypervisor.domains().map((domain) => {
    const { domid, uuid, seclabel, memoryKiB, vcpus, paused, dying, shutdown } = domain;
    const name = created.find((other) => other.domid === domid)?.name;
    const known = name === undefined ? {} : { name };
    return { ...known, domid, uuid, seclabel, memoryKiB, vcpus, paused, dying, shutdown };
  });
}
