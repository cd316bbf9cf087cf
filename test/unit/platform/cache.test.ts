import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

let home: string;
let cached: typeof import('../../../platform/lib/cache.ts').cached;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'domb-cache-'));
  process.env.XDG_CACHE_HOME = home;
  ({ cached } = await import('../../../platform/lib/cache.ts'));
});
after(() => rm(home, { recursive: true }));

const build = (directory: string) => writeFile(join(directory, 'made'), '');

test('an artefact is built once for its inputs', async () => {
  let builds = 0;
  const get = (...inputs: unknown[]) =>
    cached('once', inputs, async () => {
      builds += 1;
    });
  const first = await get(1, 'a');
  assert.equal(await get(1, 'a'), first);
  assert.notEqual(await get(1, 'b'), first);
  assert.equal(builds, 2);
});

test('a build that fails leaves nothing', async () => {
  const failing = () => Promise.reject(new Error('no compiler'));
  await assert.rejects(cached('failing', [], failing), /no compiler/);
  assert.deepEqual(await readdir(join(home, 'domb/failing')), []);
});

test('what was not used for a month goes when something new is built', async () => {
  const days = (count: number) => new Date(Date.now() - count * 24 * 3600 * 1000);
  const aged = async (path: string, count: number) => utimes(path, days(count), days(count));
  const [old, recent, asked] = [
    await cached('aged', ['old'], build),
    await cached('aged', ['recent'], build),
    await cached('aged', ['asked'], build),
  ];
  const interrupted = join(dirname(old), '.build-x');
  await mkdir(interrupted);
  await aged(old, 31);
  await aged(recent, 29);
  await aged(asked, 31);
  await aged(interrupted, 31);
  await cached('aged', ['asked'], build);
  const fresh = await cached('aged', ['fresh'], build);
  const kept = [recent, asked, fresh].map((path) => basename(path)).sort();
  assert.deepEqual((await readdir(dirname(old))).sort(), kept);
});
