import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gaps } from '../../measurement/evidence/verdict.ts';
import { assertTestNamed, tableRows } from '../lib/claims.ts';

const page = 'docs/threats.md';

test('each claim of docs/threats.md names a test that there is', () => {
  const rows = tableRows(page, 'tries');
  for (const [claim = '', , named = ''] of rows) assertTestNamed(claim, named);
  assert.ok(rows.length > 30, String(rows.length));
});

test('each gap is somewhere said to be open, with who can use it', () => {
  const text = readFileSync(join(import.meta.dirname, '../..', page), 'utf8');
  for (const gap of Object.keys(gaps)) assert.ok(text.includes(`\`${gap}\``), gap);
});
