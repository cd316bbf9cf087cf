import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { purposes } from '../../../platform/setup/packages.ts';
import { file } from '../../lib/domb.ts';

/** A tree with the set-up, and a path whose programs write down what they were asked to do, and do nothing. */
let root: string;
const at = (name: string): string => join(root, name);

before(() => {
  root = mkdtempSync(join(tmpdir(), 'domb-set-up-'));
  cpSync(file('platform/setup'), at('platform/setup'), { recursive: true });
  for (const directory of ['node_modules', 'bin', 'cache']) mkdirSync(at(directory));
  for (const lock of ['package-lock.json', 'node_modules/.domb-package-lock.json']) {
    writeFileSync(at(lock), '{}');
  }
  const tools = ['sh', 'sed', 'grep', 'find', 'mkdir', 'dirname', 'cat', 'cmp', 'cp', 'env', 'id'];
  for (const tool of tools) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
    symlinkSync(stdout.trim(), at(`bin/${tool}`));
  }
  program('dpkg-query', `cat ${at('installed')}`);
  for (const name of ['apt-get', 'npm']) program(name, `echo ${name} "$@" >>${at('calls')}`);
  program('sudo', '"$@"');
});

after(() => rmSync(root, { recursive: true }));

function program(name: string, body: string): void {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

const names = readFileSync(file('platform/setup/debian-packages.txt'), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '')
  .map((line) => line.split(/\s+/) as [name: string, purposes: string]);

/** Runs a program where all packages but these are installed; what it said, and what it had others do. */
function run(command: string, args: string[], missing: string[], env: NodeJS.ProcessEnv = {}) {
  const states = names.map(
    ([name]) => `${missing.includes(name) ? 'not-' : ''}installed ${name}\n`,
  );
  writeFileSync(at('installed'), states.join(''));
  writeFileSync(at('calls'), '');
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: { PATH: at('bin'), HOME: root, XDG_CACHE_HOME: at('cache'), ...env },
    encoding: 'utf8',
  });
  return { status, out: stdout, error: stderr, calls: readFileSync(at('calls'), 'utf8') };
}

const prepare = (words: string[], missing: string[]) =>
  run(at('bin/sh'), [at('platform/setup/prepare.sh'), ...words], missing);

test('every package is for something, and for every purpose there are packages', () => {
  const used = new Set(names.flatMap(([, words]) => words.split(',')));
  assert.deepEqual([...used].sort(), Object.keys(purposes).sort());
});

test('commands that need nothing of Debian ask for nothing and install nothing', () => {
  const all = names.map(([name]) => name);
  assert.deepEqual(prepare([], all), { status: 0, out: '', error: '', calls: '' });
});

test('what is missing for a purpose is said, then installed, and nothing else', () => {
  const install = 'apt-get -qq install -y --no-install-recommends';
  const { status, out, error, calls } = prepare(
    ['policy'],
    ['checkpolicy', 'm4', 'gcc', 'qemu-system-x86'],
  );
  assert.deepEqual([status, out], [0, '']);
  assert.match(
    error,
    /refreshing the list.*\nset-up: installing Debian packages: checkpolicy m4\n$/,
  );
  assert.equal(calls, `apt-get -qq update\n${install} checkpolicy m4\n`);
  // The lists are fresh now.
  assert.equal(prepare(['policy'], ['m4']).calls, `${install} m4\n`);
  assert.equal(prepare(['policy'], ['gcc']).calls, '');
  assert.equal(prepare(['demo'], ['gcc', 'git', 'swtpm']).calls, `${install} gcc swtpm\n`);
  assert.equal(prepare(['test'], ['gcc', 'git', 'swtpm']).calls, `${install} gcc swtpm git\n`);
});

test('npm packages are installed when the lock file is another one', () => {
  writeFileSync(at('package-lock.json'), '{ "new": true }');
  const { error, calls } = prepare([], []);
  assert.match(error, /^set-up: installing npm packages/);
  assert.match(calls, /^npm ci --ignore-scripts /);
  assert.equal(prepare([], []).calls, '');
});

test('a command that may not install says what is missing and how to get it', () => {
  const script = `import { needPackages } from ${JSON.stringify(at('platform/setup/packages.ts'))};
    try { needPackages('policy'); console.log('there'); } catch (error) { console.log(error.message + '|' + error.hint); }`;
  const need = (missing: string[], env = {}) =>
    run(process.execPath, ['--input-type=module', '-e', script], missing, env);
  assert.equal(need(['gcc']).out, 'there\n');
  const told = need(['m4', 'checkpolicy', 'gcc']);
  assert.match(
    told.out,
    /^to compile the FLASK policy, Debian packages are missing: checkpolicy, m4\|/,
  );
  assert.match(told.out, /apt-get install --no-install-recommends checkpolicy m4"/);
  assert.equal(told.calls, '');
  const installing = need(['m4'], { DOMB_SET_UP: 'install' });
  assert.equal(installing.calls, 'apt-get -qq install -y --no-install-recommends m4\n');
  assert.match(installing.error, /^set-up: installing Debian packages: m4\n/);
  // The stand-in for apt-get installed nothing.
  assert.match(installing.out, /are missing: m4/);
});
