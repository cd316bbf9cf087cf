import type { VirtualMachine } from '../../platform/machine/machine.ts';

/**
 * A Linux in a pvh or hvm domain whose first instruction of an interrupt's entry faults: nothing of Linux or Xen has run there
 * that could be wrong, and it is gone when the same is booted again. The emulation of nested paging has races
 * (platform/machine/machine.ts), of which this is one.
 */
export const EMULATOR_FAULT = /^\(d\d+\) .*RIP: 0010:asm_sysvec_xen_hvm_callback\+0x0\//;

/** Tries, the first one included. */
const TRIES = 2;

/**
 * Boots with `start`, and once more when the emulator broke a guest; says so, since a test that needed it has a reason to be read.
 * `start` gets a function that watches a machine, and stops it at once when that happens.
 */
export async function despiteEmulator<T>(
  name: string,
  start: (watch: (machine: VirtualMachine) => void) => Promise<T>,
): Promise<T> {
  for (let left = TRIES - 1; ; left -= 1) {
    let fault: string | undefined;
    const watch = (machine: VirtualMachine) =>
      machine.console.onLine(({ text }) => {
        if (fault !== undefined || !EMULATOR_FAULT.test(text)) return;
        fault = text;
        void machine.stop();
      });
    try {
      return await start(watch);
    } catch (error) {
      if (fault === undefined || left === 0) throw error;
      console.log(`${name}: booted again, since the emulator broke a guest: ${fault}`);
    }
  }
}
