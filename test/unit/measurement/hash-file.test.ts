import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentDigests, describeContent } from '../../../measurement/content.ts';
import { hashFile } from '../../../measurement/hash-file.ts';
import { hashFiles } from '../../../measurement/hash-files.ts';

test('a file has the digests of its bytes, whatever its size', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-hash-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'file');
  for (const size of [0, 1, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20 + 7]) {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 12)) & 0xff));
    await writeFile(path, bytes);
    const algorithms = ['sha256', 'sha512'] as const;
    assert.deepEqual(await hashFile(path, algorithms), {
      size,
      digests: contentDigests(bytes, algorithms),
    });
  }
  await assert.rejects(hashFile(join(directory, 'none')), { code: 'ENOENT' });
});

test('many files, also large ones that two processes share, each once', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-hash-'));
  t.after(() => rm(directory, { recursive: true }));
  const sizes = [130 * 2 ** 20, 130 * 2 ** 20, 5, 0];
  const paths = sizes.map((_, i) => join(directory, String(i)));
  for (const [i, path] of paths.entries()) {
    await writeFile(path, 'abcd');
    await truncate(path, sizes[i]);
  }
  const hashed = await hashFiles([...paths, ...paths]);
  assert.equal(hashed.size, paths.length);
  const big = Buffer.alloc(130 * 2 ** 20);
  big.write('abcd');
  for (const [i, path] of paths.entries()) {
    assert.deepEqual(hashed.get(path), describeContent(big.subarray(0, sizes[i])));
  }
  assert.deepEqual(await hashFiles([]), new Map());
});

test('only regular files are hashed', async () => {
  await assert.rejects(hashFiles(['/dev/zero']), /\/dev\/zero: not a regular file/);
  await assert.rejects(hashFiles(['/no/such/file']), { code: 'ENOENT' });
});
