import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { predictPcr4 } from '../../measurement/firmware/pcr4.ts';
import type { Parts } from '../../platform/demo/parts.ts';
import { parsePcrRead } from '../../platform/demo/tool-output.ts';
import { efiFile } from '../../platform/machine/ovmf.ts';
import { boot, exampleManifest, failedChecks, outputDirectory, parts } from './support.ts';

let built: Parts;
before(async () => {
  built = await parts();
});

test('firmware starts the platform from one EFI file and leaves the predicted PCR 4', async () => {
  const run = await boot('firmware', await exampleManifest('demo'), {
    parts: built,
    firmware: {},
  });
  assert.deepEqual(failedChecks(run), []);
  const { values } = await predictPcr4(join(outputDirectory('firmware'), efiFile));
  const held = parsePcrRead(run.answers.get('pcrs')?.output ?? '', 4);
  assert.ok(held.size >= 2, `only ${held.size} banks`);
  for (const [bank, value] of held) {
    assert.equal(value, values.get(bank as never)?.toString('hex'), bank);
  }
});
