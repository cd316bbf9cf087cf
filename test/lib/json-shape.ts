import assert from 'node:assert/strict';
import { failureShape, type JsonPart, jsonShapes } from '../../cli/json-shapes.ts';

/**
 * Asserts that these outputs of `domb COMMAND --json`, or of failures, hold nothing that is not documented, and all that is, but for
 * `except`.
 */
export function assertShape(
  command: keyof typeof jsonShapes | 'failure',
  outputs: readonly string[],
  except: readonly string[] = [],
): void {
  const parts: readonly JsonPart[] =
    (command === 'failure' ? failureShape : jsonShapes[command]) ?? [];
  const known = parts.map(([path]) => ({ path, matches: patternOf(path) }));
  const seen = new Set<string>();
  for (const leaf of new Set(outputs.flatMap((text) => leaves(JSON.parse(text), '')))) {
    const found = known.filter(({ matches }) => matches.test(leaf));
    assert.ok(found.length > 0, `${command}: ${leaf} is not in cli/json-shapes.ts`);
    for (const { path } of found) seen.add(path);
  }
  const unseen = known.map(({ path }) => path).filter((path) => !seen.has(path));
  assert.deepEqual(unseen, except, `${command}: documented, and never written`);
}

/** Where there are values that hold nothing further; an empty list or object stands for what it would hold. */
function leaves(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => leaves(each, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, path === '' ? key : `${path}.${key}`),
  );
}

function patternOf(path: string): RegExp {
  const [exact = ''] = path.split('...');
  const body = exact
    .replace(/[.[\]]/g, '\\$&')
    .replaceAll('BANK', '\\w+')
    .replaceAll('PCR', '\\d+');
  return new RegExp(`^${body}${path.endsWith('...') ? '([.[].*)?' : ''}$`);
}
