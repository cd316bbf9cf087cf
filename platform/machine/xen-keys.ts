import { setTimeout as sleep } from 'node:timers/promises';
import type { VirtualMachine } from './machine.ts';

/** Ctrl-A, three times, switches Xen's console between dom0 and Xen (xen-command-line, conswitch). */
const CTRL_A = '\x01';
const toXen = /Serial input to Xen/;
const switched = /Serial input to (Xen|DOM0)/;

/** Milliseconds for an answer, and without a further line at its end. */
const PATIENCE = 60_000;
const QUIET = 1_500;

type Line = Pick<VirtualMachine, 'console' | 'terminal'>;

/**
 * Presses one of Xen's debug keys on its console, and gives the lines that came until Xen was quiet. The input goes to dom0
 * again afterwards.
 */
export async function pressXenKey(machine: Line, key: string): Promise<string[]> {
  const { lines } = machine.console;
  let before = lines.length;
  await switchInput(machine);
  // It was with Xen before, and is with dom0 now.
  if (!lines.slice(before).some(({ text }) => toXen.test(text))) await switchInput(machine);
  before = lines.length;
  machine.terminal.input.write(key);
  // Some keys are named in what they print, others print what was asked for at once.
  await appears(machine, before, /\(XEN\)/);
  for (let seen = -1; seen !== lines.length; ) {
    seen = lines.length;
    await sleep(QUIET);
  }
  const said = lines.slice(before).map(({ text }) => text);
  await switchInput(machine);
  return said;
}

async function switchInput(machine: Line): Promise<void> {
  const before = machine.console.lines.length;
  machine.terminal.input.write(CTRL_A.repeat(3));
  await appears(machine, before, switched);
}

/** Waits for a line after the first `before` ones. */
async function appears({ console }: Line, before: number, sign: RegExp): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!console.lines.slice(before).some(({ text }) => sign.test(text))) {
    if (performance.now() > deadline) {
      throw new Error(`Xen's console: ${PATIENCE / 1000} s passed before ${sign}`);
    }
    await sleep(50);
  }
}
