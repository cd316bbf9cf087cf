import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
  for (const script of ['domb-receive', 'domb-keep']) {
    await copyFile(join(units, script), join(library, script));
  }
  for (const program of ['domb.cjs', 'domb']) {
    await writeFile(join(library, program), '#!/bin/true\n', { mode: 0o755 });
  }
  const unit = join(root, name);
  await writeFile(
    unit,
    text.replaceAll('/usr/lib/domb', library).replaceAll('/usr/bin/domb', join(library, 'domb')),
  );
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
  assert.deepEqual(names.sort(), [
    'domb-introduce.service',
    'domb-keep.service',
    'domb-receive.service',
    'domb-settle.service',
    'domb-vtpm-state.service',
    'domb-watch.service',
    'domb.service',
  ]);
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

/**
 * Whether systemd would run one of our units where these files are, by the unit's own conditions: the places that they name are moved
 * below a directory.
 */
async function runsWhere(name: string, present: readonly string[]): Promise<boolean> {
  const places = await mkdtemp(join(root, 'places-'));
  for (const path of present) {
    await mkdir(join(places, dirname(path)), { recursive: true });
    await writeFile(join(places, path), '');
  }
  const text = await readFile(join(units, name), 'utf8');
  await writeFile(join(root, name), text.replaceAll(/^(ConditionPath\w+=\|?)/gm, `$1${places}`));
  const { status, stderr } = spawnSync('systemd-analyze', ['condition', `--unit=${name}`], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${root}:` },
  });
  assert.match(stderr, /^Conditions (succeeded|failed)\.$/m);
  return status === 0;
}

/** What a domain of Xen has, before anything is mounted and after Debian's xen.service has run. */
const onXen = ['/sys/hypervisor/type', '/proc/xen'];
const inDom0 = ['/sys/hypervisor/type', '/proc/xen/capabilities'];
const kept = '/run/domb-handover/record.json';

test('systemd finds the conditions of domb-receive.service met in a dom0, also where the hand-over is lost', async () => {
  const unit = 'domb-receive.service';
  assert.equal(await runsWhere(unit, [...inDom0, kept]), true);
  assert.equal(await runsWhere(unit, [...inDom0, '/domb-handover/record.json']), true);
  assert.equal(await runsWhere(unit, inDom0), true);
  // Whatever Xen's own services have left undone.
  assert.equal(await runsWhere(unit, [kept]), true);
  assert.equal(await runsWhere(unit, []), false);
});

test('those of domb.service in any domain of Xen, so that nobody waits for a unit that was skipped', async () => {
  assert.equal(await runsWhere('domb.service', onXen), true);
  for (const one of onXen) assert.equal(await runsWhere('domb.service', [one]), true, one);
  assert.equal(await runsWhere('domb.service', []), false);
});

test('those of domb-keep.service in an initramfs that domB has put something in front of', async () => {
  const [initramfs, handover] = ['/etc/initrd-release', '/domb-handover/record.json'] as const;
  assert.equal(await runsWhere('domb-keep.service', [initramfs, handover]), true);
  assert.equal(await runsWhere('domb-keep.service', [initramfs]), false);
  assert.equal(await runsWhere('domb-keep.service', [handover]), false);
});

test('those of domb-introduce.service where something was received', async () => {
  assert.equal(await runsWhere('domb-introduce.service', ['/run/domb/record.json']), true);
  assert.equal(await runsWhere('domb-introduce.service', inDom0), false);
});

test('those of domb-settle.service where a manifest is installed, however the host was started', async () => {
  assert.equal(await runsWhere('domb-settle.service', ['/var/lib/domb/state.json']), true);
  assert.equal(await runsWhere('domb-settle.service', inDom0), false);
});

test('the scripts are correct POSIX shell and say what is missing', () => {
  for (const name of ['domb-receive', 'domb-keep', 'install-dom0', 'dracut/keep.sh']) {
    assert.equal(spawnSync('sh', ['-n', join(units, name)]).status, 0, name);
  }
  const { status, stderr } = receive(['/nonexistent']);
  assert.equal(status, 1);
  assert.match(stderr, /record\.json is missing: this dom0 was not started by domB/);
  // Neither a dom0 nor a hand-over.
  const nowhere = receive([]);
  assert.equal(nowhere.status, 0);
  assert.match(
    nowhere.stdout,
    /nothing to do: this is no dom0 of Xen, and nothing was handed over/,
  );
});

/** domb-receive in a dom0 whose tools are shell scripts, and whose Xen's and domB's places are below a directory of its own. */
async function inFakeDom0(
  tools: Record<string, string>,
  record?: string,
  args: readonly string[] = [],
) {
  const place = await mkdtemp(join(root, 'dom0-'));
  const at = (path: string) => join(place, path);
  for (const path of ['bin', 'run/domb-handover', 'proc/xen'])
    await mkdir(at(path), { recursive: true });
  await writeFile(at('proc/xen/capabilities'), 'control_d\n');
  if (record !== undefined) await writeFile(at('run/domb-handover/record.json'), record);
  for (const [name, text] of Object.entries({ sleep: '', ...tools })) {
    await writeFile(at(`bin/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const script = (await readFile(join(units, 'domb-receive'), 'utf8')).replaceAll(
    /(?<![\w.])\/(run|proc|domb-handover)\b/g,
    `${place}/$1`,
  );
  await writeFile(at('domb-receive'), script, { mode: 0o755 });
  return receive(args, at('domb-receive'), { PATH: `${at('bin')}:/usr/bin:/bin` });
}

const aRecord = '{\n  "bootDomid": 32751,\n  "hardwareDomid": 0\n}\n';
/** xl of a dom0 that has, or has not, a domB which has halted. */
const xlWithDomB =
  'case "$1 $2" in "list -Z") echo "domB 32751 768 1 ---s-- 1.0 system_u:system_r:domB_t" ;; list*) echo "domB 32751 768 1 ---s-- 1.0" ;; esac';
const xlWithout = 'echo "no such domain" >&2; exit 1';

test('a dom0 whose hand-over is lost reclaims domB, fails, and says what to do', async () => {
  const { status, stdout, stderr } = await inFakeDom0({ xl: xlWithDomB, 'xenstore-read': '' });
  assert.equal(status, 1);
  assert.match(stdout, /domB \(domain 32751\) destroyed, its memory is free/);
  assert.match(stderr, /the hand-over of domB is lost: .* Is domb-keep in it\?/);
});

test('a dom0 that Xen itself started has nothing to do', async () => {
  const { status, stdout } = await inFakeDom0({ xl: xlWithout, 'xenstore-read': '' });
  assert.equal(status, 0);
  assert.match(stdout, /nothing to do: this dom0 was not started by domB/);
});

test('xendomains waits for no domain that does not answer: those are told again by a service that nobody waits for', async () => {
  const tools = { xl: xlWithDomB, 'xenstore-read': '', domb: 'echo "domb $*"' };
  const first = await inFakeDom0(tools, aRecord, ['--no-wait']);
  assert.match(first.stdout, /^domb introduce --no-wait --record \S+\/run\/domb\/record\.json$/m);
  const again = await inFakeDom0(tools, aRecord, ['--again']);
  assert.match(again.stdout, /nothing to do: nothing was received/);
  for (const [name, mode] of [
    ['domb-receive.service', '--no-wait'],
    ['domb-introduce.service', '--again'],
  ] as const) {
    const text = await readFile(join(units, name), 'utf8');
    assert.match(text, new RegExp(`^ExecStart=\\S+ ${mode}$`, 'm'));
    assert.equal(/^Before=.*xendomains/m.test(text), mode === '--no-wait');
  }
});

test('a dom0 without xenstored fails, and does not wait for ever', async () => {
  for (const record of [aRecord, undefined]) {
    const { status, stderr } = await inFakeDom0(
      { xl: 'exec /bin/sleep 1000', 'xenstore-read': 'exit 1' },
      record,
    );
    assert.equal(status, 1);
    assert.match(stderr, /no xenstored answers in this dom0; see 'systemctl status xen'/);
  }
});

function receive(args: readonly string[], script = join(units, 'domb-receive'), env = {}) {
  return spawnSync('sh', [script, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}
