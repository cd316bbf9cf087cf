import { parseArgs } from 'node:util';
import { nearest } from '../boot-configs/suggest.ts';
import { type Command, type Input, UsageError } from './command.ts';

/** Reads what follows the command's name. Throws a {@link UsageError} when it does not fit the description. */
export function parseInput(command: Command, argv: readonly string[]): Input {
  const seeHelp = `"domb help ${command.name}" lists what there is`;
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      command.options.map(({ name, short, value }) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
    // Errors are ours to word.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = command.options.find(({ name }) => name === token.name);
    if (option === undefined) {
      const meant = nearest(
        token.name,
        command.options.map(({ name }) => name),
      );
      throw new UsageError(
        `${command.name} has no option ${token.rawName}`,
        meant === undefined ? seeHelp : `did you mean --${meant}?`,
      );
    }
    if (option.value !== undefined && !token.value) {
      throw new UsageError(
        `${token.rawName} needs a value`,
        `write ${token.rawName} ${option.value}`,
      );
    }
    if (option.value === undefined && token.value !== undefined) {
      throw new UsageError(`${token.rawName} takes no value`, `write ${token.rawName} alone`);
    }
  }
  const [last] = command.arguments.slice(-1);
  const most = last?.many ? Number.POSITIVE_INFINITY : command.arguments.length;
  const missing = command.arguments[positionals.length];
  if (missing !== undefined && !missing.optional) {
    throw new UsageError(`${command.name} needs ${missing.name}`, seeHelp);
  }
  if (positionals.length > most) {
    throw new UsageError(`${command.name} has no use for "${positionals[most]}"`, seeHelp);
  }
  const given = Object.entries(values);
  return {
    arguments: positionals,
    flags: new Set(given.flatMap(([name, value]) => (value === true ? [name] : []))),
    values: new Map(
      given.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    ),
  };
}
