import type { ExistingDomain, Host, MeasuredFacts, PlannedDomain } from '../../boot-scripts/api.ts';
import { buildLabel } from '../../domains/build-label.ts';
import type { ScriptState } from './script-state.ts';

/** The machine, as a script sees it. */
export function hostFacts({ hypervisor }: ScriptState): Omit<Host, keyof MeasuredFacts> {
  const { version, commandLine, totalMemoryKiB, freeMemoryKiB, cpus, hvm } = hypervisor.host();
  return { xen: version, commandLine, totalMemoryKiB, freeMemoryKiB, cpus, hvm };
}

const FACTS: Readonly<Record<keyof MeasuredFacts, true>> = {
  smbios: true,
  pci: true,
  tpm: true,
  secureBoot: true,
  microcode: true,
};

/** What is measured when a script reads it; null where the machine does not tell. */
export function measuredFacts({ facts }: ScriptState): Record<string, unknown> {
  return Object.fromEntries(
    (Object.keys(FACTS) as (keyof MeasuredFacts)[]).map((fact) => [fact, facts[fact] ?? null]),
  );
}

/** The domains that the boot makes, as a script sees them. */
export function plannedDomains({ manifest, created }: ScriptState): PlannedDomain[] {
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
export function existingDomains({ hypervisor, created }: ScriptState): ExistingDomain[] {
  return hypervisor.domains().map((domain) => {
    const { domid, uuid, memoryKiB, vcpus, paused, dying, shutdown } = domain;
    const ours = created.find((other) => other.domid === domid);
    const known = ours === undefined ? {} : { name: ours.name };
    // The label that it is built under is domB's own business.
    const built = ours !== undefined && domain.seclabel === buildLabel(ours.seclabel);
    const seclabel = built ? ours.seclabel : domain.seclabel;
    return { ...known, domid, uuid, seclabel, memoryKiB, vcpus, paused, dying, shutdown };
  });
}
