import type { Operation } from '../operations.ts';
import type { BootState } from '../state.ts';

type SetWatchdog = Extract<Operation, { do: 'set-watchdog' }>;

/** From now on Xen itself ends the platform when the boot takes too long, whatever this process is doing by then. */
export function setWatchdog({ hypervisor }: BootState, { seconds }: SetWatchdog): string {
  hypervisor.setWatchdog(seconds);
  return `${seconds} s left`;
}

export function stopWatchdog({ hypervisor }: BootState): string {
  hypervisor.setWatchdog(0);
  return 'in time';
}
