import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const units = join(import.meta.dirname, '../../../systemd');
let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'domb-units-'));
});
after(() => rm(root, { recursive: true }));

/** Copies a unit, with the programs that it starts below `root`, where they exist. */
async function installed(name: string): Promise<string> {
  const text = await readFile(join(units, name), 'utf8');
  const library = join(root, 'lib');
  await mkdir(library, { recursive: true });
  await copyFile(join(units, 'domb-receive'), join(library, 'domb-receive'));
  await writeFile(join(library, 'domb.cjs'), '#!/bin/true\n', { mode: 0o755 });
  const unit = join(root, name);
  await writeFile(unit, text.replaceAll('/usr/lib/domb', library));
  return unit;
}

function verify(unit: string) {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
    encoding: 'utf8',
  });
  // Units of this machine that others pull in are not ours to judge.
  const complaints = stderr.split('\n').filter((line) => line.includes(root));
  return { status, complaints };
}

test('systemd-analyze verify finds nothing in our units', async () => {
  const names = (await readdir(units)).filter((name) => name.endsWith('.service'));
  assert.deepEqual(names.sort(), ['domb-keep.service', 'domb-receive.service', 'domb.service']);
  for (const name of names) {
    const { status, complaints } = verify(await installed(name));
    assert.deepEqual(complaints, [], name);
    assert.equal(status, 0, name);
  }
});

test('the same check does find a mistake', async () => {
  const unit = await installed('domb.service');
  await writeFile(unit, (await readFile(unit, 'utf8')).replace('Type=oneshot', 'Typ=oneshot'));
  assert.notDeepEqual(verify(unit).complaints, []);
});

test('the hand-over script is a correct POSIX shell script and says what is missing', () => {
  const script = join(units, 'domb-receive');
  assert.equal(spawnSync('sh', ['-n', script]).status, 0);
  const { status, stderr } = spawnSync('sh', [script, '/nonexistent'], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /record\.json is missing: this dom0 was not started by domB/);
});
