import { nearest } from '../boot-configs/suggest.ts';
import { type Command, type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { commands, program } from './commands.ts';
import { table, wrap } from './text.ts';

export const exitStatuses: readonly [string, string][] = [
  ['0', 'all well'],
  ['1', 'a manifest has mistakes, or something failed'],
  ['2', 'wrong usage'],
  ['3', 'evidence does not verify'],
];

export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [name] = input.arguments;
  const command = commands.find((candidate) => candidate.name === name);
  if (name !== undefined && command === undefined) {
    const meant = nearest(
      name,
      commands.map((candidate) => candidate.name),
    );
    throw new UsageError(
      `there is no command "${name}"`,
      meant === undefined ? '"domb help" lists the commands' : `did you mean "domb help ${meant}"?`,
    );
  }
  terminal.write(command === undefined ? programHelp() : commandHelp(command));
  return 0;
}

/** The list of commands. */
export function programHelp(): string {
  return [
    `domb: ${program.summary}`,
    '',
    'Usage: domb COMMAND [OPTION]... [ARGUMENT]...',
    '',
    'Commands:',
    table(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Exit status:',
    table(exitStatuses),
    '',
    '"domb help COMMAND" explains a command. NO_COLOR=1 in the environment turns colours off.',
    '',
  ].join('\n');
}

/** Everything about one command. */
export function commandHelp(command: Command): string {
  const section = (title: string, rows: readonly (readonly [string, string])[]): string[] =>
    rows.length === 0 ? [] : [`${title}:`, table(rows), ''];
  return [
    `domb ${command.name}: ${command.summary}`,
    '',
    `Usage: ${usage(command)}`,
    '',
    ...command.description.flatMap((paragraph) => [wrap(paragraph), '']),
    ...section(
      'Arguments',
      command.arguments.map(({ name, says }) => [name, says] as const),
    ),
    ...section('Options', [
      ...command.options.map((option) => [optionForms(option), option.says] as const),
      ['-h, --help', 'Show this.'],
    ]),
    'Examples:',
    ...command.examples.map(({ says, command: line }) => `  # ${says}\n  ${line}`),
    '',
  ].join('\n');
}

/** The usage line, such as `domb plan [OPTION]... FILE`. */
export function usage({ name, options, arguments: operands }: Command): string {
  const words = operands.map((argument) => {
    const repeated = argument.many ? `${argument.name}...` : argument.name;
    return argument.optional ? `[${repeated}]` : repeated;
  });
  return ['domb', name, ...(options.length > 0 ? ['[OPTION]...'] : []), ...words].join(' ');
}

/** All forms of an option, such as `-q, --quiet` or `--images DIR`. */
export function optionForms({ name, short, value }: Command['options'][number]): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return short === undefined ? long : `-${short}, ${long}`;
}
