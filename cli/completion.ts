import { schemaFields } from '../boot-configs/schema/fields.ts';
import { readSchema } from '../boot-configs/schema/file.ts';
import {
  type Command,
  type ExitStatus,
  type Input,
  type Option,
  type Terminal,
  UsageError,
} from './command.ts';
import { commandsBelow, firstWords } from './command-lookup.ts';
import { commands } from './commands.ts';

/** `domb completion SHELL` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [shell] = input.arguments;
  const fields = schemaFields(await readSchema()).map((field) => field.path.replaceAll('[]', ''));
  if (shell === 'bash') terminal.write(bash(fields));
  else if (shell === 'zsh') terminal.write(zsh(fields));
  else if (shell === 'fish') terminal.write(fish(fields));
  else throw new UsageError(`there is no completion for "${shell}"`, 'choose bash, zsh or fish');
  return 0;
}

/** Prints what names the domains that there are; nothing elsewhere than in dom0. */
const DOMAIN_WORDS = 'domb list --words 2>/dev/null';

function bash(fields: readonly string[]): string {
  const cases = commands.map((command) => {
    const valued = command.options.filter((option) => option.value !== undefined);
    return [
      `    ${pattern(command)})`,
      ...valued.map(({ name, short, completes }) => {
        const forms = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].join('|');
        return `      [[ $before == @(${forms}) ]] && { ${bashValue(completes)}; return; }`;
      }),
      `      options="${[...command.options.map(({ name }) => `--${name}`), '--help'].join(' ')}"`,
      `      ${bashOperands(command, fields)}`,
      '      ;;',
    ].join('\n');
  });
  return `# bash completion for domb
_domb() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options= words= files=
  if (( COMP_CWORD == 1 )); then
    _domb_reply -W "${firstWords()
      .map(([word]) => word)
      .join(' ')} --help --version"
    return
  fi
  local command=\${COMP_WORDS[1]}
  case $command in
${groups().map(bashGroup).join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
  if [[ $word == -* ]]; then
    _domb_reply -W "$options"
  elif [[ $files ]]; then
    _domb_reply -f
  else
    _domb_reply -W "$words"
  fi
}
_domb_reply() {
  mapfile -t COMPREPLY < <(compgen "$@" -- "$word")
}
complete -o filenames -F _domb domb
`;
}

/** A command's name where the shell matches it. */
const pattern = ({ name }: Command): string => (name.includes(' ') ? `"${name}"` : name);

/** First words of commands that have two. */
function groups(): string[] {
  return firstWords().flatMap(([word]) => (commandsBelow(word).length > 0 ? [word] : []));
}

const secondWords = (group: string): string[] =>
  commandsBelow(group).map(({ name }) => name.slice(group.length + 1));

function bashGroup(word: string): string {
  return `    ${word})
      (( COMP_CWORD == 2 )) && { _domb_reply -W "${secondWords(word).join(' ')} --help"; return; }
      command+=" \${COMP_WORDS[2]}"
      ;;`;
}

function bashValue(completes: Option['completes']): string {
  if (completes === undefined) return 'COMPREPLY=()';
  if (completes === 'directories') return '_domb_reply -d';
  return completes === 'files' ? '_domb_reply -f' : `_domb_reply -W "${completes.join(' ')}"`;
}

function bashOperands(command: Command, fields: readonly string[]): string {
  const completes = command.arguments[0]?.completes ?? [];
  if (completes === 'files') return 'files=1';
  if (completes === 'domains') return `words=$(${DOMAIN_WORDS})`;
  return `words="${wordsFor(completes, fields).join(' ')}"`;
}

function wordsFor(
  completes: Exclude<Command['arguments'][number]['completes'], 'files' | 'domains'>,
  fields: readonly string[],
): readonly string[] {
  if (completes === 'commands') {
    // A second word may be the first of others.
    return [...new Set([...firstWords().map(([word]) => word), ...groups().flatMap(secondWords)])];
  }
  return completes === 'fields' ? fields : completes;
}

function zsh(fields: readonly string[]): string {
  const cases = commands.map((command) => {
    const options = command.options.map(({ name, short, value, says, completes }) => {
      const action = zshValue(completes);
      const argument = value === undefined ? '' : `:${value}:${action}`;
      const long = `--${name}[${quoted(says)}]${argument}`;
      return short === undefined
        ? `'${long}'`
        : `'(-${short} --${name})'{-${short},--${name}}'[${quoted(says)}]${argument}'`;
    });
    const operands = command.arguments.map(({ name, many, completes }, index) => {
      const action =
        completes === 'files'
          ? '_files'
          : completes === 'domains'
            ? `{compadd -- $(${DOMAIN_WORDS})}`
            : `(${wordsFor(completes, fields).join(' ')})`;
      return `'${many ? '*' : index + 1}:${name}:${action}'`;
    });
    const words = [...options, "'(-h --help)'{-h,--help}'[Show help.]'", ...operands];
    return `    ${pattern(command)})\n      _arguments -s ${words.join(' \\\n        ')}\n      ;;`;
  });
  return `#compdef domb
_domb() {
  local -a commands=(
${firstWords()
  .map(([word, summary]) => `    '${word}:${quoted(summary)}'`)
  .join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${groups().map(zshGroup).join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
}
_domb "$@"
`;
}

function zshGroup(word: string): string {
  return `    ${word})
      if (( CURRENT == 2 )); then
        compadd -- ${secondWords(word).join(' ')}
        return
      fi
      command+=" $words[2]"
      shift words
      (( CURRENT-- ))
      ;;`;
}

function zshValue(completes: Option['completes']): string {
  if (completes === undefined) return ' ';
  if (completes === 'directories') return '_files -/';
  return completes === 'files' ? '_files' : `(${completes.join(' ')})`;
}

/** For single quotes inside brackets of a zsh specification. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');
}

function fish(fields: readonly string[]): string {
  const seen = (words: readonly string[]) => `__fish_seen_subcommand_from ${words.join(' ')}`;
  const line = (condition: string, rest: string) => `complete -c domb -n '${condition}' ${rest}`;
  const first = firstWords().map(([word, summary]) =>
    line('__fish_use_subcommand', `-f -a ${word} -d '${fishText(summary)}'`),
  );
  const second = groups().map((group) => {
    const words = secondWords(group);
    return line(`${seen([group])}; and not ${seen(words)}`, `-f -a '${words.join(' ')}'`);
  });
  const rest = commands.flatMap((command) => {
    // "enroll check" is both of its words.
    const condition = command.name
      .split(' ')
      .map((word) => seen([word]))
      .join('; and ');
    const options = command.options.map(({ name, short, value, says, completes }) =>
      line(
        condition,
        [
          `-l ${name}`,
          ...(short === undefined ? [] : [`-s ${short}`]),
          ...(value === undefined ? [] : [`-r ${fishValue(completes)}`.trimEnd()]),
          `-d '${fishText(says)}'`,
        ].join(' '),
      ),
    );
    const completes = command.arguments[0]?.completes ?? [];
    const operands =
      completes === 'files' ? [] : [line(condition, `-f -a '${fishWords(completes, fields)}'`)];
    return [...options, ...operands];
  });
  return ['# fish completion for domb', ...first, ...second, ...rest, ''].join('\n');
}

function fishWords(
  completes: Exclude<Command['arguments'][number]['completes'], 'files'>,
  fields: readonly string[],
): string {
  if (completes === 'domains') return `(${DOMAIN_WORDS})`;
  return wordsFor(completes, fields).join(' ');
}

function fishValue(completes: Option['completes']): string {
  if (completes === undefined) return '-f';
  if (completes === 'directories') return "-f -a '(__fish_complete_directories)'";
  return completes === 'files' ? '-F' : `-f -a '${completes.join(' ')}'`;
}

/** For single quotes of fish. */
function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
