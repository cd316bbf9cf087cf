import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doors } from '../boot/hostile/attempts.ts';
import { assertTestNamed, tableRows } from '../lib/claims.ts';

/** Claim, what enforces it, the attempts where there are some, and the test. */
const rows = tableRows('docs/security-model.md', 'claim');

test('each claim of docs/security-model.md names a test that there is', () => {
  for (const cells of rows) assertTestNamed(cells[0] ?? '', cells.at(-1) ?? '');
  assert.ok(rows.length > 25, String(rows.length));
});

test('the attempts that docs/security-model.md names are made, and each that is made is named', () => {
  const cells = rows.flatMap(([, , attempts = '', named]) => (named ? [attempts] : []));
  const named = new Set(cells.flatMap((cell) => cell.match(/[\w-]+(?=`)/g) ?? []));
  assert.deepEqual([...named].sort(), [...new Set(doors.map(({ attempt }) => attempt))].sort());
});
