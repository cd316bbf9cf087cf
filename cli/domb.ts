import { parseInput } from './arguments.ts';
import type { ExitStatus, Terminal } from './command.ts';
import { namedCommand, noSuchCommand } from './command-lookup.ts';
import { toStatus } from './failure-report.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';
import { program } from './program.ts';
import { programs } from './programs.ts';

/** Runs the command line `argv`, without the program's own name, and returns the exit status. */
export async function domb(argv: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  return await toStatus(() => dispatch(argv, terminal), argv, terminal);
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    terminal.writeError(programHelp());
    return 2;
  }
  if (name === '--help' || name === '-h') {
    terminal.write(programHelp());
    return 0;
  }
  if (name === '--version') {
    terminal.write(`${program.name} ${program.version}\n`);
    return 0;
  }
  const named = namedCommand(argv);
  if (named === undefined) {
    const below = groupHelp(name);
    const asked = ['--help', '-h'].includes(rest[0] ?? '') && below !== undefined;
    if (!asked) throw noSuchCommand(argv);
    terminal.write(below);
    return 0;
  }
  const { command } = named;
  const input = parseInput(command, named.rest);
  if (input === undefined) {
    terminal.write(commandHelp(command));
    return 0;
  }
  const { run } = await programs[command.name]();
  return await run(input, terminal);
}
