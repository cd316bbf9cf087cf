import { schemaFields } from '../../boot-configs/schema/fields.ts';
import { formerVersions, newestVersion, readSchema } from '../../boot-configs/schema/file.ts';
import type { Random } from './random.ts';

const properties = await Promise.all([...formerVersions, newestVersion].map(readSchema));

/** Pieces that mean something to YAML or to a manifest. */
const fragments = [
  ...new Set(properties.flatMap(schemaFields).map(({ path }) => `${path.split('.').at(-1)}: `)),
  ...new Set(
    properties
      .flatMap(schemaFields)
      .flatMap(({ examples }) => examples.map((example) => JSON.stringify(example))),
  ),
  '[',
  ']',
  '{',
  '}',
  ':',
  ': ',
  '- ',
  '? ',
  ',',
  '#',
  '|',
  '>',
  '|2-',
  '"',
  "'",
  '\\',
  '&a ',
  '*a',
  '!x ',
  '!!binary ',
  '<<: *a',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '\n',
  '\r',
  '\t',
  '  ',
  '\0',
  '\x1b[2J',
  '\u202e',
  '\ufeff',
  '\ud800',
  '~',
  'null',
  'true',
  '.inf',
  '.nan',
  '-0',
  '0x7FEF',
  '0x7FE0',
  '1e999',
  '0o17',
  '99999999999999999999',
  '512MiB',
  '999999999TiB',
  '../',
  '/',
  '__proto__: 1\n',
  'constructor: ',
  'name: ',
  'domid: 0\n',
  'version: 1\n',
  'version: 2\n',
  'version: 3\n',
  'domains:\n',
  'defaults:\n',
  'after: [',
  'capabilities: [hardware]\n',
  'hvm',
  'x'.repeat(5000),
  '['.repeat(40),
  '- '.repeat(40),
  '*a, '.repeat(50),
];

type Mutation = (text: string, random: Random) => string;

const mutations: readonly Mutation[] = [
  insert,
  insert,
  remove,
  swapLines,
  repeatLines,
  indent,
  replaceCharacter,
];

/** `text` with one to eight changes. */
export function mutate(text: string, random: Random): string {
  let mutant = text;
  for (let changes = 1 + random.below(1 + random.below(8)); changes > 0; changes--) {
    mutant = random.pick(mutations)(mutant, random);
  }
  return mutant;
}

/** A text made of fragments only. */
export function randomText(random: Random): string {
  return Array.from({ length: random.below(60) }, () => random.pick(fragments)).join('');
}

function insert(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(fragments) + text.slice(at);
}

function remove(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + text.slice(at + 1 + random.below(30));
}

function replaceCharacter(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + String.fromCharCode(random.below(0x120)) + text.slice(at + 1);
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const a = random.below(lines.length);
  const b = random.below(lines.length);
  [lines[a], lines[b]] = [lines[b] as string, lines[a] as string];
  return lines.join('\n');
}

function repeatLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const at = random.below(lines.length);
  const block = lines.slice(at, at + 1 + random.below(8));
  const times = random.below(random.below(20) === 0 ? 200 : 3);
  return [...lines.slice(0, at), ...Array(times).fill(block).flat(), ...lines.slice(at)].join('\n');
}

function indent(text: string, random: Random): string {
  const lines = text.split('\n');
  const at = random.below(lines.length);
  lines[at] =
    random.below(2) === 0 ? `  ${lines[at]}` : (lines[at] as string).replace(/^ {1,2}/, '');
  return lines.join('\n');
}
