import type { DomainSettings } from '../../boot-configs/manifest.ts';
import type { HardwarePlace } from '../plan/recover.ts';
import type { BootState } from './state.ts';

/** Whether the recovery domain can still be started, and why not. */
export type Prospect = { place: HardwarePlace } | { obstacle: string };

/**
 * Whether a boot that has failed can end in its recovery domain. It must have been measured, and the log must be in order:
 * where measuring is what failed, nobody could tell a recovery from an attack. And its place must be free, or taken by a
 * hardware domain that has no memory yet: Xen makes the hardware domain once, and a half-built one cannot be emptied.
 */
export function prospectOf(state: BootState, domain: DomainSettings): Prospect {
  const { recoveryArmed, measurements: log, bootMeasurements: bootLog } = state;
  if (!recoveryArmed) return { obstacle: `${domain.name} was not measured by then` };
  if (!log.intact || !bootLog.intact) {
    return { obstacle: 'measuring is what failed, and nothing may run unmeasured' };
  }
  const place = placeFor(state, domain);
  if ('obstacle' in place) return place;
  if (log.capped) return { obstacle: 'the PCR says already that the boot is good' };
  return place;
}

function placeFor({ created, bootDomid, hypervisor }: BootState, domain: DomainSettings): Prospect {
  const there = hypervisor.domains().filter(({ domid }) => domid !== bootDomid);
  const strange = there.find(({ domid }) => !created.some((ours) => ours.domid === domid));
  if (strange) return { obstacle: `of domain ${strange.domid} something is left` };
  const holder = there.find(({ domid }) => domid === domain.domid);
  if (holder === undefined) return { place: 'free' };
  if (holder.memoryKiB > 0) {
    return { obstacle: `domain ${domain.domid} has memory already, and Xen makes no second one` };
  }
  return { place: 'empty' };
}
