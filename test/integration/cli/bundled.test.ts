import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { file } from '../../unit/cli/support.ts';

let work: string;
let program: string;
const at = (path: string): string => join(work, 'tree', path);
const demo = file('boot-configs/demo.yaml');

before(() => {
  work = mkdtempSync(join(tmpdir(), 'domb-bundled-'));
  const others = ['.git', 'docs', 'node_modules', 'out', 'test'];
  for (const part of readdirSync(file('.')).filter((name) => !others.includes(name))) {
    cpSync(file(part), at(part), { recursive: true });
  }
  symlinkSync(file('node_modules'), at('node_modules'));
  program = at('bin/domb');
});

after(() => rmSync(work, { recursive: true }));

function domb(argv: string[], options: { input?: string; cache?: string; program?: string } = {}) {
  const env = { ...process.env, XDG_CACHE_HOME: options.cache ?? join(work, 'cache') };
  const { status, stdout, stderr } = spawnSync(options.program ?? program, argv, {
    env,
    cwd: work,
    input: options.input ?? '',
    encoding: 'utf8',
  });
  return { status, out: stdout, error: stderr };
}

const bundles = (): string => join(work, `cache/domb/command${at('')}`);

test('bin/domb makes bundles once and starts them', () => {
  assert.deepEqual(domb(['validate', demo]), {
    status: 0,
    out: `${demo}: ok, 2 domains, 1152MiB\n`,
    error: '',
  });
  const made = readdirSync(bundles());
  assert.equal(made.filter((name) => name.startsWith('code-')).length, 2, made.join(' '));
  // What is in the bundles is what runs.
  const source = at('boot-configs/demo.yaml');
  rmSync(source);
  assert.equal(domb(['validate', demo]).status, 0);
  cpSync(demo, source);
  assert.deepEqual(readdirSync(bundles()), made);
});

test('it behaves as the sources: exit statuses, standard input, other commands, files beside the sources', () => {
  assert.equal(domb(['validate', '-'], { input: 'version: 9\n' }).status, 1);
  assert.match(domb(['validate', '-'], { input: 'version: 9\n' }).error, /^<stdin>:1:10: version/);
  assert.equal(domb(['validate']).status, 2);
  assert.equal(domb([]).status, 2);
  assert.match(domb(['valdate']).error, /did you mean "domb validate"/);
  assert.match(domb(['explain', 'domains.memory']).out, /^domains\[\]\.memory\n/);
  assert.equal(JSON.parse(domb(['schema', '--version', '1']).out).$id, 'urn:domb:manifest:1');
  assert.match(domb(['plan', demo]).out, /^2 domains/);
  assert.equal(domb(['verify', '/nonexistent', '--nonce', '00']).status, 1);
});

test('it is found through a link and a relative path', () => {
  const link = join(work, 'domb');
  symlinkSync(program, link);
  for (const other of [link, './domb', './tree/bin/../bin/domb']) {
    assert.equal(domb(['validate', demo], { program: other }).status, 0, other);
  }
});

test('a change to a source is seen at once', () => {
  const source = at('cli/validate.ts');
  appendFileSync(source, "\nprocess.stderr.write('changed\\n');\n");
  assert.equal(domb(['validate', demo]).error, 'changed\n');
  assert.equal(domb(['validate', demo]).error, 'changed\n');
  cpSync(file('cli/validate.ts'), source);
  assert.equal(domb(['validate', demo]).error, '');
});

test('sources that can not be bundled run as they are', () => {
  const source = at('cli/validate.ts');
  writeFileSync(source, 'this is no program');
  const { status, error } = domb(['validate', demo]);
  assert.notEqual(status, 0);
  assert.match(error, /the bundle can't be made/);
  assert.match(error, /this is no program|SyntaxError/);
  cpSync(file('cli/validate.ts'), source);
  assert.equal(domb(['validate', demo]).status, 0);
});

test('without a cache directory the sources run', () => {
  const { status, out, error } = domb(['validate', demo], { cache: '/dev/null' });
  assert.deepEqual([status, out], [0, `${demo}: ok, 2 domains, 1152MiB\n`]);
  assert.match(error, /the bundle can't be made/);
});

test('a broken code cache does no harm', () => {
  for (const name of readdirSync(bundles())) {
    if (name.startsWith('code-')) writeFileSync(join(bundles(), name), 'x'.repeat(1000));
  }
  assert.deepEqual(domb(['validate', '--quiet', demo]), { status: 0, out: '', error: '' });
  assert.equal(domb(['validate', demo]).status, 0);
});
