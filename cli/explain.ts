import { type Field, schemaFields } from '../boot-configs/schema/fields.ts';
import { readSchema } from '../boot-configs/schema/file.ts';
import { nearest } from '../boot-configs/suggest.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { table, wrap } from './text.ts';

/** `domb explain [PATH]` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const fields = schemaFields(await readSchema());
  const [path] = input.arguments;
  const chosen = path === undefined ? fields : [findField(path, fields)];
  if (input.flags.has('json')) {
    const [field] = chosen;
    terminal.write(`${JSON.stringify(path === undefined ? chosen : field, null, 2)}\n`);
  } else if (path === undefined) {
    // The members of `defaults` are those of a domain.
    const listed = fields.filter((field) => !field.path.startsWith('defaults.'));
    terminal.write(`${table(listed.map((field) => [field.path, firstSentence(field)]))}\n`);
  } else {
    for (const field of chosen) terminal.write(explanation(field));
  }
  return 0;
}

/**
 * The property that PATH means. Indexes in `path` may be left out or given: `domains.name`, `domains[].name` and `domains[3].name` are the same.
 * @throws {@link UsageError} when there is none, or several
 */
export function findField(path: string, fields: readonly Field[]): Field {
  const wanted = plain(path);
  const exact = fields.find((field) => plain(field.path) === wanted);
  if (exact !== undefined) return exact;
  // What may be a default is meant as the domain's own property.
  const ending = fields.filter(
    (field) => plain(field.path).endsWith(`.${wanted}`) && !field.path.startsWith('defaults.'),
  );
  const [only] = ending;
  if (only !== undefined && ending.length === 1) return only;
  if (ending.length > 1) {
    throw new UsageError(
      `there are several properties "${path}"`,
      `choose one of ${ending.map((field) => plain(field.path)).join(', ')}`,
    );
  }
  const paths = fields.map((field) => plain(field.path));
  const lastParts = new Set(paths.map((known) => known.split('.').at(-1) ?? ''));
  const meant = nearest(wanted, paths) ?? nearest(wanted, lastParts);
  throw new UsageError(
    `manifests have no property "${path}"`,
    meant === undefined ? '"domb explain" lists all' : `did you mean "${meant}"?`,
  );
}

function plain(path: string): string {
  return path.replace(/\[[0-9]*\]/g, '');
}

function firstSentence({ description }: Field): string {
  return description.split(/(?<=\.) /)[0] ?? '';
}

const needed = { yes: 'yes', somewhere: 'yes, here or in defaults', no: 'no' };

function explanation(field: Field): string {
  const rows: [string, string][] = [
    ['form', field.expects],
    ['needed', needed[field.required]],
  ];
  if ('default' in field) rows.push(['default', JSON.stringify(field.default)]);
  for (const example of field.examples) rows.push(['example', JSON.stringify(example)]);
  if (field.members.length > 0) rows.push(['contains', field.members.join(', ')]);
  return `${field.path}\n\n${wrap(field.description)}\n\n${table(rows)}\n`;
}
