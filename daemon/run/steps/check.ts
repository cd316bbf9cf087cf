import { argoOf } from '../../../bindings/xen-command-line.ts';
import type { DomainSettings } from '../../../boot-configs/manifest.ts';
import { domainProperties } from '../../../boot-configs/properties/table.ts';
import { DOMAIN_OVERHEAD_KIB, neededKiB } from '../../../domains/memory-needs.ts';
import { BootFailure } from '../../plan/failure.ts';
import type { Operation } from '../../plan/operations.ts';
import type { BootState } from '../state.ts';

export function checkMemory(state: BootState): string {
  const { domains } = state.manifest;
  const { freeMemoryKiB } = state.hypervisor.host();
  const needed = neededKiB(domains.map(({ memoryKiB }) => memoryKiB));
  if (needed > freeMemoryKiB) {
    const list = domains.map((d) => `${d.name} ${mib(d.memoryKiB)}`).join(', ');
    throw new BootFailure(
      `the domains need ${mib(needed)} (${list}, and ${mib(DOMAIN_OVERHEAD_KIB)} each for Xen), but Xen has ${mib(freeMemoryKiB)} free`,
      "lower the domains' memory in the manifest, or give domB less with Xen's dom0_mem=",
    );
  }
  return `${mib(needed)} of ${mib(freeMemoryKiB)} free`;
}

const mib = (kib: number) => `${Math.floor(kib / 1024)}MiB`;

type CheckDomain = Extract<Operation, { do: 'check-domain' }>;

/**
 * Whether this Xen and this machine have all that the domain wants, asked before anything is created.
 * @throws {AggregateError} with everything that they lack
 */
export function checkDomain(state: BootState, { domain }: CheckDomain): string {
  const { hypervisor } = state;
  const faults: Error[] = [
    ...hypervisor.check(domainProperties(domain)),
    ...recoveryMemory(state, domain),
    ...takenDomid(state, domain),
    ...noArgo(state, domain),
  ];
  if (faults.length > 0) throw new AggregateError(faults);
  return `domid ${domain.domid} is free, Xen has what it wants`;
}

function takenDomid(
  { hypervisor, bootDomid }: BootState,
  { name, domid, capabilities }: DomainSettings,
): BootFailure[] {
  if (!hypervisor.domains().some((other) => other.domid === domid)) return [];
  // Where domB itself is the hardware domain, the hypervisor's check says what to do about it.
  if (domid === bootDomid && capabilities.includes('hardware')) return [];
  return [
    new BootFailure(`${name}: domid ${domid} is taken`, 'choose another domid in the manifest'),
  ];
}

function noArgo({ hypervisor }: BootState, { name, channels }: DomainSettings): BootFailure[] {
  if (channels.length === 0 || argoOf(hypervisor.host().commandLine)) return [];
  return [
    new BootFailure(
      `${name} has channels, and this Xen was not started with Argo`,
      'write "argo=1" on Xen\'s command line; docs/channels.md says what else it takes',
    ),
  ];
}

/** The recovery domain has the machine for itself; the others are added up by {@link checkMemory}. */
function recoveryMemory(state: BootState, { name, memoryKiB }: DomainSettings): BootFailure[] {
  const { hypervisor, manifest } = state;
  if (name !== manifest.recovery?.name) return [];
  const { freeMemoryKiB } = hypervisor.host();
  const needed = neededKiB([memoryKiB]);
  if (needed <= freeMemoryKiB) return [];
  return [
    new BootFailure(
      `${name} needs ${mib(needed)}, but Xen has ${mib(freeMemoryKiB)} free`,
      "lower its memory in the manifest, or give domB less with Xen's dom0_mem=",
    ),
  ];
}
