import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandsBelow, namedCommand } from '../../cli/command-lookup.ts';
import { commands } from '../../cli/commands.ts';
import { usage } from '../../cli/help.ts';
import { outputs } from './table.ts';

const root = join(import.meta.dirname, '../..');

/** Something that a reader may type, and where it stands. */
export interface Found {
  /** As the shell gets it, without the comment behind it. */
  command: string;
  /** `PAGE:LINE` */
  place: string;
}

/** Programs whose name at the beginning of code within a sentence makes it a command, when something follows it. */
const programs =
  /^(npm|node|bin\/domb|openssl|tpm2_\w+|cat|sudo|apt-get|man|git|sh|bash|printf|echo) ./;

/** Every command in README.md, docs/*.md and the examples of the manual page. */
export function documentedCommands(): Found[] {
  const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  const markdown = pages.filter((page) => page.endsWith('.md'));
  const examples = commands.flatMap((command) =>
    command.examples.map((example) => ({
      command: example.command,
      place: `domb.1 (${command.name})`,
    })),
  );
  return [
    ...markdown.flatMap((page) => fromPage(page, readFileSync(join(root, page), 'utf8'))),
    ...examples,
  ];
}

/** The commands of a page in Markdown: those of its blocks of code, and those within sentences. */
export function fromPage(page: string, text: string): Found[] {
  const { blocks, prose } = parts(text);
  const lines = blocks.flatMap(({ line, body }) =>
    isOutput(page, body) ? [] : commandLines(body, page, line),
  );
  const synopses = new Set(commands.map(usage));
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].flatMap(({ 1: code = '', index }) =>
    (programs.test(code) || isDombCommand(code)) && !synopses.has(code)
      ? [{ command: code, place: `${page}:${prose.slice(0, index).split('\n').length}` }]
      : [],
  );
  return [...lines, ...spans];
}

/**
 * True for `domb COMMAND …` with something to work on. What gives only a command and options, and words in capitals for their
 * values, speaks of them.
 */
function isDombCommand(code: string): boolean {
  const [program, ...words] = code.split(' ');
  if (program !== 'domb' || words.length === 0) return false;
  const named = namedCommand(words);
  if (named === undefined) return commandsBelow(words.join(' ')).length === 0;
  return named.rest.some((word) => !/^--?[a-z]/.test(word) && !/^[A-Z_]+$/.test(word));
}

/** What speaks of a command of domb and its options, in the sentences of a page. */
export function mentions(text: string): { code: string; name: string; options: string[] }[] {
  const synopses = new Set(commands.map(usage));
  return [...parts(text).prose.matchAll(/`(domb ([a-z]+(?:-[a-z]+)*)[^`\n]*)`/g)]
    .filter(([, code = '']) => !synopses.has(code))
    .map(([, code = '', word = '']) => ({
      code,
      name: namedCommand(code.split(' ').slice(1))?.command.name ?? word,
      options: [...code.matchAll(/ --([a-z-]+)/g)].map(([, option = '']) => option),
    }));
}

interface Block {
  /** Of its first line of code. */
  line: number;
  body: string[];
}

/** Blocks of code without a language, fenced or indented, and the text without any block, with its lines where they were. */
function parts(text: string): { blocks: Block[]; prose: string } {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let block: Block | undefined;
  let fence: string | undefined;
  let before = '';
  text.split('\n').forEach((line, index) => {
    const indented = /^ {4,}\S/.test(line);
    const marker = /^\s*```(\w*)/.exec(line);
    if (marker !== null) {
      fence = fence === undefined ? (marker[1] ?? '') : undefined;
      block = fence === '' || fence === 'sh' ? { line: index + 2, body: [] } : undefined;
      if (block !== undefined) blocks.push(block);
    } else if (fence !== undefined) block?.body.push(line);
    else if (indented && (before.trim() === '' || block !== undefined)) {
      if (block === undefined) {
        block = { line: index + 1, body: [] };
        blocks.push(block);
      }
      block.body.push(line);
    } else if (line.trim() !== '') block = undefined;
    else block?.body.push(line);
    prose.push(fence === undefined && !(indented && block !== undefined) ? line : '');
    before = line;
  });
  return { blocks, prose: prose.join('\n') };
}

function isOutput(page: string, body: readonly string[]): boolean {
  const first = body.find((line) => line.trim() !== '')?.trim() ?? '';
  return outputs.some((output) => output.page === page && first.startsWith(output.begins));
}

function commandLines(body: readonly string[], page: string, line: number): Found[] {
  const found: Found[] = [];
  let continued = '';
  body.forEach((text, index) => {
    const whole = `${continued}${text.trim()}`;
    continued = whole.endsWith('\\') ? `${whole.slice(0, -1).trim()} ` : '';
    const command = whole.replace(/\s+# .*$/, '');
    if (continued === '' && command !== '')
      found.push({ command, place: `${page}:${line + index}` });
  });
  return found;
}
