import { existsSync, globSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `Usage: npm test [-- [--unit] [--name PATTERN] [KIND | PATH]...]

  KIND            unit, integration or boot: these tests alone
  PATH            a test file, or a directory: the test files below it
  --unit          all but the boots, which take about a minute each
  --name PATTERN  tests whose name contains a match of this regular expression, as node --test-name-pattern takes it
`;

export const kinds = ['unit', 'integration', 'boot'] as const;
export type Kind = (typeof kinds)[number];

/** What the command line asks for. */
export interface Selection {
  /** True when it is more than some files or names: types and lint are checked too. */
  readonly whole: boolean;
  /** Test files as paths from the root, sorted, by what they need. */
  readonly files: ReadonlyMap<Kind, readonly string[]>;
  readonly name?: string;
}

/** The command line asks for what there is not. */
export class SelectionError extends Error {
  override name = 'SelectionError';
}

/**
 * Reads the runner's arguments. Paths count from `directory`, where the user is, or else from `root`.
 * @throws {@link SelectionError}
 */
export function selectionOf(argv: readonly string[], root: string, directory = root): Selection {
  const { unit = false, name, words } = parse(argv);
  const named = kinds.filter((kind) => words.includes(kind));
  const paths = words.filter((word) => !kinds.some((kind) => kind === word));
  const wanted = paths.length > 0 || named.length > 0 ? named : kinds;
  const files = new Set([
    ...wanted.flatMap((kind) => testsBelow(root, `test/${kind}`)),
    ...paths.flatMap((path) => filesOf(path, root, directory)),
  ]);
  const kept = [...files].filter((file) => !(unit && kindOf(file) === 'boot')).sort();
  if (kept.length === 0) throw new SelectionError('--unit leaves nothing of that');
  if (name !== undefined) patternOf(name);
  return {
    whole: paths.length === 0 && name === undefined,
    files: byKind(kept),
    ...(name === undefined ? {} : { name }),
  };
}

export function byKind(files: readonly string[]): Map<Kind, string[]> {
  const sorted = kinds.map(
    (kind) => [kind, files.filter((file) => kindOf(file) === kind)] as const,
  );
  return new Map(sorted.filter(([, those]) => those.length > 0));
}

/** The regular expression that Node makes of a --test-name-pattern. */
export function patternOf(name: string): RegExp {
  const [, body, flags] = /^\/(.*)\/([a-z]*)$/.exec(name) ?? [];
  try {
    return body === undefined ? new RegExp(name) : new RegExp(body, flags);
  } catch (error) {
    throw new SelectionError(`--name: ${(error as Error).message}`);
  }
}

function parse(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { unit: { type: 'boolean' }, name: { type: 'string' } },
      allowPositionals: true,
    });
    return { ...values, words: positionals };
  } catch (error) {
    // The first sentence names the word; what follows is about parseArgs.
    throw new SelectionError((error as Error).message.split('. ')[0]);
  }
}

function filesOf(path: string, root: string, directory: string): string[] {
  const found = [directory, root]
    .map((base) => resolve(base, path))
    .find((file) => existsSync(file));
  if (found === undefined) throw new SelectionError(`"${path}" is no kind of tests, and no path`);
  const inside = relative(root, found);
  if (inside.startsWith('..')) throw new SelectionError(`${path} is not in ${root}`);
  const files = statSync(found).isDirectory()
    ? testsBelow(root, inside)
    : [inside].filter((file) => file.endsWith('.test.ts'));
  if (files.length === 0) throw new SelectionError(`${path} holds no tests (*.test.ts)`);
  return files;
}

function testsBelow(root: string, directory: string): string[] {
  const files = globSync(join(directory, '**/*.test.ts'), {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  });
  if (files.length === 0) throw new SelectionError(`${directory} holds no tests`);
  return files;
}

/** Tests that lie elsewhere get what integration tests get. */
function kindOf(file: string): Kind {
  return kinds.find((kind) => file.startsWith(`test/${kind}/`)) ?? 'integration';
}
