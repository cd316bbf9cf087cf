import type { Operation } from '../../plan/operations.ts';
import type { BootState } from '../state.ts';

type SetWatchdog = Extract<Operation, { do: 'set-watchdog' }>;

/** From now on Xen itself ends the platform when the boot takes too long, whatever this process is doing by then. */
export function setWatchdog({ hypervisor, timeline }: BootState, { seconds }: SetWatchdog): string {
  hypervisor.setWatchdog(seconds);
  // As the log's own stamps count.
  const limit = (timeline.now() / 1000 + seconds).toFixed(3);
  return `${seconds} s left: Xen reboots the machine at ${limit}`;
}

export function stopWatchdog({ hypervisor }: BootState): string {
  hypervisor.setWatchdog(0);
  return 'in time';
}
