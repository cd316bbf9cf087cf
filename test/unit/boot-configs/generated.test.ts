import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { generate } from '../../../boot-configs/generate.ts';

test('the generated files are those that the schema gives', async () => {
  for (const [file, text] of await generate()) {
    assert.equal(
      await readFile(file, 'utf8'),
      text,
      `${file} is stale: run node boot-configs/generate.ts`,
    );
  }
});
