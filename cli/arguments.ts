import { parseArgs } from 'node:util';
import { nearest } from '../boot-configs/suggest.ts';
import { type Command, type Input, type Option, UsageError } from './command.ts';
import { program } from './program.ts';

const help: Option = { name: 'help', short: 'h', says: 'Show this.' };

/**
 * Reads what follows the command's name; undefined when it asks for help instead.
 * @throws {@link UsageError} when it does not fit the description
 */
export function parseInput(command: Command, argv: readonly string[]): Input | undefined {
  const seeHelp = `"${program.name} help ${command.name}" lists what there is`;
  const options = [...command.options, help];
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      options.map(({ name, short, value }) => [
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
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  // Also where it stands for a value that was forgotten.
  if (values.help === true || own.includes('--help') || own.includes('-h')) return undefined;
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (option === undefined) {
      const meant = nearest(
        token.name,
        options.map(({ name }) => name),
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
  for (const group of command.required ?? []) {
    if (group.some((name) => values[name] !== undefined)) continue;
    const forms = command.options.filter(({ name }) => group.includes(name)).map(optionForm);
    throw new UsageError(`${command.name} needs ${forms.join(' or ')}`, seeHelp);
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

/** The value of an option without which {@link parseInput} takes no command line. */
export function requiredValue({ values }: Input, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the command does not require --${name}`);
  return value;
}

/** An option's long form, such as `--images DIR`. */
export function optionForm({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}
