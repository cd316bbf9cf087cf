import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../lib/source-tree.ts';

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

test('what is made of our sources goes after a day', async () => {
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  const old = await cached('sources', ['old'], build, 'day');
  await utimes(old, yesterday, yesterday);
  const fresh = await cached('sources', ['fresh'], build, 'day');
  assert.deepEqual(await readdir(dirname(old)), [basename(fresh)]);
});

test('what nobody asks for any more goes with whatever is built', async () => {
  const longAgo = new Date(Date.now() - 31 * 24 * 3600 * 1000);
  const old = await cached('former-name', [], build);
  await utimes(old, longAgo, longAgo);
  const other = join(home, 'domb/former-name/kept');
  await writeFile(other, '');
  await utimes(other, longAgo, longAgo);
  await cached('new-name', [], build);
  assert.deepEqual(await readdir(dirname(old)), ['kept']);
});

test('keys depend on neither the place of the cache nor that of the checkout', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'domb-cache-'));
  const input = await cached('input', [1], build);
  const here = await cached('output', [{ from: join(input, 'made') }], build);
  const program = `
    import { writeFileSync } from 'node:fs';
    const { cached } = await import(${JSON.stringify(join(root, 'platform/lib/cache.ts'))});
    const build = async (directory) => writeFileSync(directory + '/made', '');
    const input = await cached('input', [1], build);
    process.stdout.write(await cached('output', [{ from: input + '/made' }], build));
  `;
  const there = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, XDG_CACHE_HOME: elsewhere },
    encoding: 'utf8',
  });
  assert.equal(there, join(elsewhere, 'domb/output', basename(here)));
  await rm(elsewhere, { recursive: true });
  await assert.rejects(
    cached('place', [{ addon: join(root, 'node_modules/x') }], build),
    /inputs of place name a place in the checkout/,
  );
});
