import { cpusNotOnline } from '../creation-checks.ts';
import type { DomainCreation } from '../hypervisor.ts';
import type { XenSession } from './session.ts';

/** Ties all vCPUs of a new domain to the physical CPUs that it may run on, if it names any. */
export function setAffinity(session: XenSession, domain: DomainCreation): void {
  const { cpus, domid, maxVcpus } = domain;
  if (cpus === 'all') return;
  const { xc, xch, layout } = session;
  const { XEN_VCPUAFFINITY_HARD: flags } = layout.constants;
  const size = xc.xc_get_cpumap_size({ xch });
  for (let vcpu = 0; vcpu < maxVcpus; vcpu++) {
    const hard = cpuMap(cpus, size);
    xc.xc_vcpu_setaffinity({ xch, domid, vcpu, hard, soft: null, flags });
    // Xen answers with the CPUs among them that are online.
    const given = cpusIn(hard);
    if (given.length < cpus.length) throw cpusNotOnline(domain, given);
  }
}

/** One bit for each CPU, in the number of bytes that libxc uses for all. */
export function cpuMap(cpus: readonly number[], size: number): Buffer {
  const map = Buffer.alloc(size);
  for (const cpu of cpus) map.writeUInt8(map.readUInt8(cpu >> 3) | (1 << (cpu & 7)), cpu >> 3);
  return map;
}

/** The CPUs of a map, ascending. */
export function cpusIn(map: Buffer): number[] {
  const all = Array.from({ length: map.length * 8 }, (_, cpu) => cpu);
  return all.filter((cpu) => (map.readUInt8(cpu >> 3) & (1 << (cpu & 7))) !== 0);
}
