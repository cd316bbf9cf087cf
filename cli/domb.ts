import { nearest } from '../boot-configs/suggest.ts';
import { parseInput } from './arguments.ts';
import { type ExitStatus, Failure, type Terminal, UsageError } from './command.ts';
import { commands, program } from './commands.ts';
import { commandHelp, programHelp } from './help.ts';

/** Runs the command line `argv`, without the program's own name, and returns the exit status. */
export async function domb(argv: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  try {
    return await dispatch(argv, terminal);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure)) throw error;
    terminal.writeError(`${program.name}: ${error.message}\n  hint: ${error.hint}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
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
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const meant = nearest(
      name,
      commands.map((candidate) => candidate.name),
    );
    throw new UsageError(
      `there is no command "${name}"`,
      meant === undefined ? '"domb help" lists the commands' : `did you mean "domb ${meant}"?`,
    );
  }
  const ownOptions = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined);
  if (ownOptions.includes('--help') || ownOptions.includes('-h')) {
    terminal.write(commandHelp(command));
    return 0;
  }
  const { run } = await command.load();
  return await run(parseInput(command, rest), terminal);
}
