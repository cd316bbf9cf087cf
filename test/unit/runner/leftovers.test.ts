import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('artefacts may be left in the cache, and nothing else', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'domb-leftovers-'));
  t.after(() => rm(home, { recursive: true }));
  // A cache of its own; the modules read this when they are loaded.
  process.env.XDG_CACHE_HOME = home;
  const { cached, cacheDirectory } = await import('../../../platform/lib/cache.ts');
  const { cacheEntries, leftovers } = await import('../../runner/leftovers.ts');
  assert.deepEqual(await cacheEntries(), new Set());
  await mkdir(cacheDirectory);
  await writeFile(join(cacheDirectory, 'older'), '');
  const before = await cacheEntries();

  await cached('policy', [], async () => {});
  await writeFile(join(cacheDirectory, 'apt-lists-refreshed'), '');
  assert.deepEqual(leftovers(before, await cacheEntries()), []);

  await writeFile(join(cacheDirectory, 'no-kernel'), '');
  await mkdir(join(cacheDirectory, 'policy', '.build-x'));
  assert.deepEqual(leftovers(before, await cacheEntries()).sort(), [
    'no-kernel',
    'policy/.build-x',
  ]);
});
