import { nearest } from '../boot-configs/suggest.ts';
import { type Command, UsageError } from './command.ts';
import { commands } from './commands.ts';
import { program } from './program.ts';

/** The command that the first words of a command line name, and what follows them. */
export function namedCommand(
  words: readonly string[],
): { command: Command; rest: readonly string[] } | undefined {
  for (const command of commands) {
    const name = command.name.split(' ');
    if (name.every((word, index) => words[index] === word)) {
      return { command, rest: words.slice(name.length) };
    }
  }
  return undefined;
}

/** The commands whose names begin with this word and have another: `enroll challenge` of `enroll`. */
export function commandsBelow(word: string): Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `));
}

/** The first words of all commands, each once, with what is said of it. */
export function firstWords(): [word: string, summary: string][] {
  const words = new Map<string, string>();
  for (const { name, summary } of commands) {
    const [word = '', second] = name.split(' ');
    const below = commandsBelow(word).map((each) => each.name.split(' ')[1]);
    if (!words.has(word)) words.set(word, second === undefined ? summary : below.join(', '));
  }
  return [...words];
}

/** For words that name no command. @param help `help ` where they are what is to be explained */
export function noSuchCommand(words: readonly string[], help = ''): UsageError {
  const [first = '', second] = words;
  const below = commandsBelow(first).map(({ name }) => name.split(' ')[1] ?? '');
  if (below.length > 0 && second === undefined) {
    return new UsageError(`${first} needs a further word`, `choose one of ${below.join(', ')}`);
  }
  const said = below.length > 0 ? `${first} ${second}` : first;
  const own = `"${program.name} help" lists the commands`;
  if (program.lacks.some((lacking) => lacking === said)) {
    return new UsageError(
      `"${said}" is a command of domb, not of ${program.name}`,
      `run "bin/domb ${said}" in the source tree of domb; ${own}`,
    );
  }
  const meant =
    below.length > 0
      ? nearest(second ?? '', below)
      : nearest(
          first,
          firstWords().map(([word]) => word),
        );
  const choices = below.length > 0 ? `choose one of ${below.join(', ')}` : own;
  const before = below.length > 0 ? `${first} ` : '';
  return new UsageError(
    `there is no command "${said}"`,
    meant === undefined ? choices : `did you mean "${program.name} ${help}${before}${meant}"?`,
  );
}
