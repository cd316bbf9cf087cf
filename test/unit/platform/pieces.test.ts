import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { filePiece, joined, lengthOf, writePieces } from '../../../platform/lib/pieces.ts';

test('pieces are written one behind the other, and what they are made of stays', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-pieces-'));
  t.after(() => rm(directory, { recursive: true }));
  const [image, output] = [join(directory, 'image'), join(directory, 'output')];
  const bytes = Buffer.alloc(600_000, 'image');
  await writeFile(image, bytes);
  const pieces = [Buffer.from('before'), filePiece(image), Buffer.from('behind')];
  const expected = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]);
  assert.equal(lengthOf(pieces), expected.length);
  assert.ok(joined(pieces).equals(expected));
  assert.equal(await writePieces(output, pieces), hash('sha256', expected, 'hex'));
  assert.ok((await readFile(output)).equals(expected));
  await assert.rejects(writePieces(image, pieces), /one of the files that it is made of/);
  assert.ok((await readFile(image)).equals(bytes));
  for (const size of [bytes.length - 1, bytes.length + 1]) {
    await truncate(image, size);
    await assert.rejects(writePieces(output, pieces), /it was changed while it was read/);
  }
});
