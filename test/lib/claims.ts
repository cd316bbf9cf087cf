import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Rows of those of a page's tables whose heads begin with this cell, without the heads, as cells. */
export function tableRows(page: string, head: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of readFileSync(join(root, page), 'utf8').split('\n')) {
    if (!line.startsWith('| ')) inside = false;
    else if (line.startsWith(`| ${head} |`)) inside = true;
    else if (inside && !line.startsWith('| ---')) rows.push(line.slice(2, -2).split(' | '));
  }
  return rows;
}

/** Fails when a claim's last cell, "`NAME` in FILE", names no test that there is. */
export function assertTestNamed(claim: string, named: string): void {
  const [, name = '', file = ''] = /^`(.+)` in (\S+)$/.exec(named) ?? [];
  assert.ok(existsSync(join(root, file)) && name !== '', `${claim}: ${named}`);
  const text = readFileSync(join(root, file), 'utf8').replace(/(test|it)\(\s+/g, '$1(');
  const definitions = ["'", '"', '`'].flatMap((quote) =>
    ['test(', 'it(', 'name: '].map((before) => `${before}${quote}${name}${quote}`),
  );
  assert.ok(
    definitions.some((each) => text.includes(each)),
    `${claim}: ${file} has no test "${name}"`,
  );
}
