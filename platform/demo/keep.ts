import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { VirtualMachine } from '../machine/machine.ts';
import { Relay } from '../machine/relay.ts';
import type { KeptLine } from './arguments.ts';

/** The UNIX socket through which a terminal gets to a line of a machine that is kept. */
export const lineSocket = (directory: string, line: KeptLine): string =>
  join(directory, `${line}.sock`);

/** What dom0 takes for the end of the questions (platform/images/dom0/answers): it starts shells then. */
const SHELL = 'shell\n';

/**
 * Gives the machine's lines to whoever attaches to them, until it ends, and says how, in terms of `command`. `shells` for a
 * dom0 that is the demo's: it is told to start a root shell on both.
 */
export async function keepRunning(
  machine: VirtualMachine,
  directory: string,
  command: string,
  shells: boolean,
  say: (how: string) => void,
): Promise<void> {
  const second = connect(machine.serialSocket);
  await once(second, 'connect');
  second.on('error', () => {});
  if (shells) second.write(SHELL);
  const relays = [
    new Relay({ output: second, input: second }, lineSocket(directory, 'dom0')),
    new Relay(machine.terminal, lineSocket(directory, 'xen')),
  ];
  try {
    for (const relay of relays) await relay.ready();
    say(howToGetIn(shells, command));
    await machine.ended;
  } finally {
    second.destroy();
    for (const relay of relays) await relay.close();
  }
}

function howToGetIn(shells: boolean, command: string): string {
  const dom0 = shells
    ? 'a root shell in dom0'
    : "dom0's second serial line, ttyS1; a shell where your image starts one there";
  return `
The machine runs on. In another terminal:
  ${command} --attach dom0
      ${dom0}
  ${command} --attach xen
      the console: dom0's${shells ? ', with a root shell' : ''}, and Xen's. Ctrl-A three times switches between them; h lists Xen's keys
Ctrl-] leaves either. Ctrl-C here ends the machine, and so does, anywhere:
  ${command} --stop
`;
}
