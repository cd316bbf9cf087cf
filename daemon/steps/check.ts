import { hardwareDomidOf } from '../../bindings/creation-checks.ts';
import type { DomainSettings } from '../../boot-configs/manifest.ts';
import { domainProperties } from '../domain-properties.ts';
import { BootFailure } from '../failure.ts';
import type { Operation } from '../operations.ts';
import type { BootState } from '../state.ts';

/**
 * What Xen needs beside a domain's own memory: domain and vcpu structures, page tables that shadow or map it, and
 * room for the builder. Seen on Xen 4.17: 1.5 to 3 MiB for PV, 8 MiB of paging pool for PVH and HVM.
 */
const overheadKiB = 8 * 1024;

export function checkMemory(state: BootState): string {
  const { domains } = state.manifest;
  const { freeMemoryKiB } = state.hypervisor.host();
  const needed = domains.reduce((sum, domain) => sum + domain.memoryKiB + overheadKiB, 0);
  if (needed > freeMemoryKiB) {
    const list = domains.map((d) => `${d.name} ${mib(d.memoryKiB)}`).join(', ');
    throw new BootFailure(
      `the domains need ${mib(needed)} (${list}, and ${mib(overheadKiB)} each for Xen), but Xen has ${mib(freeMemoryKiB)} free`,
      "lower the domains' memory in the manifest, or give domB less with Xen's dom0_mem=",
    );
  }
  return `${mib(needed)} of ${mib(freeMemoryKiB)} free`;
}

const mib = (kib: number) => `${Math.floor(kib / 1024)}MiB`;

type CheckDomain = Extract<Operation, { do: 'check-domain' }>;

/** Whether this Xen and this machine have all that the domain wants, asked before anything is created. */
export function checkDomain(state: BootState, { domain }: CheckDomain): string {
  const { hypervisor } = state;
  if (domain.capabilities.includes('hardware')) checkHardwareDomid(state, domain);
  hypervisor.check(domainProperties(domain));
  checkOwnMemory(state, domain);
  if (hypervisor.domains().some((other) => other.domid === domain.domid)) {
    throw new BootFailure(
      `${domain.name}: domid ${domain.domid} is taken`,
      'choose another domid in the manifest',
    );
  }
  return `domid ${domain.domid} is free, Xen has what it wants`;
}

/** The recovery domain has the machine for itself; the others are added up. */
function checkOwnMemory({ hypervisor }: BootState, { name, memoryKiB }: DomainSettings): void {
  const { freeMemoryKiB } = hypervisor.host();
  if (memoryKiB + overheadKiB <= freeMemoryKiB) return;
  throw new BootFailure(
    `${name} needs ${mib(memoryKiB + overheadKiB)}, but Xen has ${mib(freeMemoryKiB)} free`,
    "lower its memory in the manifest, or give domB less with Xen's dom0_mem=",
  );
}

/**
 * Xen decides by domid which new domain becomes the hardware domain: domain 0 when the boot domain runs beside it (our
 * series), else the one that `hardware_dom=` names.
 */
function checkHardwareDomid({ hypervisor }: BootState, domain: DomainSettings): void {
  const expected = hardwareDomidOf(hypervisor.host().commandLine);
  if (expected === domain.domid) return;
  if (expected === 0) {
    throw new BootFailure(
      `${domain.name}: the hardware domain has domid ${domain.domid}, but a Xen started with boot-domain gives that role to domain 0`,
      'set its domid to 0 in the manifest',
    );
  }
  const found = expected === undefined ? 'names none' : `names domain ${expected}`;
  throw new BootFailure(
    `${domain.name}: the hardware domain has domid ${domain.domid}, but Xen's command line ${found}, and domain 0 is domB itself`,
    domain.domid === 0
      ? 'start a Xen that has the boot-domain option, with that option'
      : `start Xen with hardware_dom=${domain.domid}, or with boot-domain and domid 0 in the manifest`,
  );
}
