import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { manifestChecks } from '../../../boot-configs/checks/index.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';

const directory = new URL('../../../boot-configs/invalid/', import.meta.url);
const names = readdirSync(directory);
const examples = names.filter((name) => name.endsWith('.yaml'));

/** Rules that don't come from `manifestChecks`. */
const otherRules = [
  'missing-property',
  'unknown-key',
  'unknown-version',
  'wrong-type',
  'wrong-value',
  'xl-file',
  'yaml-alias',
  'yaml-directive',
  'yaml-documents',
  'yaml-duplicate-key',
  'yaml-key',
  'yaml-limits',
  'yaml-octal',
  'yaml-syntax',
  'yaml-tag',
];

function problemsOf(name: string): ManifestError {
  try {
    loadManifest(readFileSync(new URL(name, directory)), name);
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  assert.fail(`${name} was accepted`);
}

for (const name of examples) {
  test(`invalid/${name} is refused with the expected text`, () => {
    const expected = readFileSync(new URL(name.replace('.yaml', '.expected'), directory), 'utf8');
    assert.equal(`${problemsOf(name).message}\n`, expected);
  });
}

test('every expected text belongs to an example', () => {
  const orphans = names.filter(
    (name) => name.endsWith('.expected') && !names.includes(name.replace('.expected', '.yaml')),
  );
  assert.deepEqual(orphans, []);
});

test('every rule has a counter-example, and every rule found is listed', () => {
  const found = new Set(
    examples.flatMap((name) => problemsOf(name).problems.map((problem) => problem.rule)),
  );
  const listed = new Set([...manifestChecks.map((check) => check.rule), ...otherRules]);
  assert.deepEqual([...found].sort(), [...listed].sort());
});
