import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportedValues, productionFiles } from '../lib/source-tree.ts';

/** What only tests use and production keeps, and why. */
const kept: Readonly<Record<string, string>> = {
  'bindings/simulator.ts SimulatedHypervisor':
    'the second implementation of the interface: it and the real one share the ledger and the checks of images',
};

const files = productionFiles();
const users = new Map<string, number>();
for (const { text } of files) {
  for (const word of text.match(/\w+/g) ?? []) users.set(word, (users.get(word) ?? 0) + 1);
}

test('nothing is exported for tests alone', () => {
  const alone = files
    // The library is for others, too.
    .filter(({ path }) => !path.startsWith('measurement/node-tpm2-pts/'))
    .flatMap((file) => exportedValues(file).map((name) => ({ name, path: file.path })))
    .filter(({ name }) => (users.get(name) ?? 0) < 2)
    .map(({ name, path }) => `${path} ${name}`);
  assert.deepEqual(alone, Object.keys(kept));
});

test('types are no values', () => {
  const text = 'export type A = 1;\nexport interface B {}\nexport const c = 1;\n';
  assert.deepEqual(exportedValues({ path: 'x.ts', text }), ['c']);
});
