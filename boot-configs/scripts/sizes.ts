import type { BootScript } from '../../boot-scripts/api.ts';

/** The worker gets a sixteenth of the machine's memory, in steps of 32 MiB. */
const sizes: BootScript<'before_planning'> = async (boot) => {
  const steps = Math.floor(boot.host.totalMemoryKiB / 16 / (32 * 1024));
  const memory = `${steps * 32}MiB`;
  boot.log(`the machine has ${boot.host.totalMemoryKiB} KiB: ${memory} for the worker`);
  await boot.configure('worker', { memory });
};

export default sizes;
