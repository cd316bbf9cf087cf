import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentDigests } from '../../../measurement/content.ts';
import { hashFile } from '../../../measurement/hash-file.ts';

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
