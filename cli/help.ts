import { optionForm } from './arguments.ts';
import type { Command, ExitStatus, Input, Terminal } from './command.ts';
import { commandsBelow, namedCommand, noSuchCommand } from './command-lookup.ts';
import { commands } from './commands.ts';
import { program } from './program.ts';
import { table, wrap } from './text.ts';

export const exitStatuses: readonly [string, string][] = [
  ['0', 'all well'],
  ['1', 'a manifest has mistakes, or something failed; output that can not be written too'],
  ['2', 'wrong usage'],
  ['3', 'evidence is refused: something in it is wrong; or a sealed secret stays closed'],
  ['4', 'nothing in the evidence is wrong, but it does not prove what was expected'],
];

export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const words = input.arguments;
  const [name = '', ...further] = words;
  const named = namedCommand(words);
  if (named?.rest.length === 0) terminal.write(commandHelp(named.command));
  else if (name === '') terminal.write(programHelp());
  else {
    const below = further.length === 0 ? groupHelp(name) : undefined;
    if (below === undefined) throw noSuchCommand(words, 'help ');
    terminal.write(below);
  }
  return 0;
}

/** What there is below the first word of commands of two; undefined where there is nothing. */
export function groupHelp(word: string): string | undefined {
  const below = commandsBelow(word);
  if (below.length === 0) return undefined;
  return [
    `Usage: ${program.name} ${word} COMMAND [OPTION]... [ARGUMENT]...`,
    '',
    'Commands:',
    table(below.map(({ name, summary }) => [name, summary])),
    '',
    `"${program.name} help ${word} COMMAND" explains a command.`,
    '',
  ].join('\n');
}

/** The list of commands. */
export function programHelp(): string {
  return [
    `${program.name}: ${program.summary}`,
    '',
    `Usage: ${program.name} COMMAND [OPTION]... [ARGUMENT]...`,
    '',
    'Commands:',
    table(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Exit status:',
    table(exitStatuses),
    '',
    `"${program.name} help COMMAND" explains a command. NO_COLOR=1 in the environment turns colours off.`,
    '',
  ].join('\n');
}

/** Everything about one command. */
export function commandHelp(command: Command): string {
  const section = (title: string, rows: readonly (readonly [string, string])[]): string[] =>
    rows.length === 0 ? [] : [`${title}:`, table(rows), ''];
  return [
    `${program.name} ${command.name}: ${command.summary}`,
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

/** The usage line, such as `domb plan [OPTION]... FILE`, with the options that must be given. */
export function usage({ name, options, required = [], arguments: operands }: Command): string {
  const needed = required.map((group) => {
    const forms = options.filter((option) => group.includes(option.name)).map(optionForm);
    return forms.length === 1 ? forms.join('') : `(${forms.join(' | ')})`;
  });
  const words = operands.map((argument) => {
    const repeated = argument.many ? `${argument.name}...` : argument.name;
    return argument.optional ? `[${repeated}]` : repeated;
  });
  const more = options.length > required.flat().length ? ['[OPTION]...'] : [];
  return [program.name, name, ...needed, ...more, ...words].join(' ');
}

/** All forms of an option, such as `-q, --quiet` or `--images DIR`. */
export function optionForms(option: Command['options'][number]): string {
  const { short } = option;
  return short === undefined ? optionForm(option) : `-${short}, ${optionForm(option)}`;
}
