import type { HypervisorItem, MeasuredEvent } from '../events.ts';

/** What domB measured of Xen; undefined where an older one measured nothing. */
export function measuredHypervisor(
  bootEvents: readonly MeasuredEvent[],
): HypervisorItem | undefined {
  return bootEvents.find((event) => event.event === 'hypervisor');
}
