import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { replaceFile } from '../../../platform/lib/replace-file.ts';

test('what is there stays until the new file is whole, and nothing is left of one that did not get so far', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-replace-'));
  t.after(() => rm(directory, { recursive: true }));
  const target = join(directory, 'domb.efi');
  await writeFile(target, 'what boots today');
  const half = replaceFile(target, async (to) => {
    await writeFile(to, 'half of');
    throw new Error('no space');
  });
  await assert.rejects(half, /no space/);
  assert.equal(await readFile(target, 'utf8'), 'what boots today');
  assert.deepEqual(await readdir(directory), ['domb.efi']);

  await replaceFile(target, (to) => writeFile(to, 'what boots next'));
  assert.equal(await readFile(target, 'utf8'), 'what boots next');
  assert.deepEqual(await readdir(directory), ['domb.efi']);
});

test('what is no file is written to itself', async () => {
  assert.equal(await replaceFile('/dev/null', async (to) => to), '/dev/null');
});
