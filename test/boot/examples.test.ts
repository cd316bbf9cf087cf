import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

/** Examples that other tests boot, with more to look at (README.md says which). */
const bootedElsewhere = [
  'demo',
  'minimal',
  'second',
  'late-hwdom',
  'recovery',
  'firmware',
  'driver-domain',
  'processors',
  'permissions',
  'guest-register',
  'everyday',
  'pci',
  'vtpm',
  'channels',
];

const examples = readdirSync(join(import.meta.dirname, '../../boot-configs'))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace('.yaml', ''));

test('the examples that other tests boot are there', () => {
  assert.deepEqual(
    bootedElsewhere.filter((name) => !examples.includes(name)),
    [],
  );
});

for (const name of examples.filter((example) => !bootedElsewhere.includes(example))) {
  test(`boot-configs/${name}.yaml boots`, async () => {
    const run = await boot(name, await exampleManifest(name), { parts: await parts() });
    assert.deepEqual(failedChecks(run), []);
    assert.equal(run.record.domains.length, run.manifest.domains.length);
  });
}
