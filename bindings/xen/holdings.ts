import { attempts } from '../attempts.ts';
import type { DomainHoldings } from '../holdings.ts';
import { refused } from '../refusal.ts';
import { bootDomidOf } from '../xen-command-line.ts';
import { cpusIn } from './affinity.ts';
import { creationOf } from './creation-read-back.ts';
import { eventChannelsOf } from './event-channels.ts';
import { grantsOf } from './grants.ts';
import { oneDomain, xenFacts } from './inventory.ts';
import { permissionsOf } from './permissions.ts';
import type { XenSession } from './session.ts';

/** All that Xen tells of what a domain has. */
export function holdingsOf(session: XenSession, domid: number): DomainHoldings {
  const attempt = attempts.readBack(domid);
  return session.attempt(attempt, () => {
    const info = oneDomain(session, domid);
    if (info === undefined) {
      const hint = 'it was destroyed, or the FLASK policy does not let the boot domain see it';
      throw refused(attempt, 'xc_domain_getinfolist', 'ESRCH', 'Xen lists no such domain', hint);
    }
    const { commandLine, cpus } = xenFacts(session);
    const { calls } = session;
    const { uuid, seclabel, paused, memoryKiB, maxMemoryKiB, vcpus, hardwareAssisted } = info;
    return {
      ...{ domid, uuid, seclabel, hardwareAssisted, paused },
      dying: info.dying || info.shutdown,
      ...{ memoryKiB, maxMemoryKiB, vcpus },
      cpus: allowedCpus(session, domid, vcpus).filter((cpu) => cpus.includes(cpu)),
      grants: domid === bootDomidOf(commandLine) ? undefined : grantsOf(session, domid),
      eventChannels: eventChannelsOf(session, calls, domid),
      permissions: permissionsOf(session, calls, domid),
      creation: creationOf(session, calls, domid),
    };
  });
}

/** Xen's map of CPUs has bits of those that are not online, too. */
function allowedCpus({ xc, xch, layout }: XenSession, domid: number, vcpus: number): number[] {
  const { XEN_VCPUAFFINITY_HARD: flags } = layout.constants;
  const all = new Set<number>();
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const hard = Buffer.alloc(xc.xc_get_cpumap_size({ xch }));
    xc.xc_vcpu_getaffinity({ xch, domid, vcpu, hard, soft: null, flags });
    for (const cpu of cpusIn(hard)) all.add(cpu);
  }
  return [...all].sort((a, b) => a - b);
}
