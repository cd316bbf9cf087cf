import type { BootScript } from '../../boot-scripts/api.ts';

/** On a machine with fewer than four CPUs the spare domain waits until somebody starts it from dom0. */
const spare: BootScript<'before_start'> = async (boot) => {
  if (boot.host.cpus.length < 4) await boot.keepPaused('spare');
};

export default spare;
