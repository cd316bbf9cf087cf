import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { file, domb as runDomb } from '../../lib/domb.ts';

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

const domb = (
  argv: string[],
  { stdin = '', cache = join(work, 'cache'), started = program } = {},
) =>
  runDomb(argv, {
    stdin,
    cwd: work,
    env: { ...process.env, XDG_CACHE_HOME: cache },
    program: [started],
  });

const bundles = (): string => join(work, `cache/domb/command${at('')}`);

test('bin/domb makes bundles once and starts them', async () => {
  assert.deepEqual(await domb(['validate', demo]), {
    status: 0,
    out: `${demo}: ok, 2 domains, 1152MiB\n`,
    error: '',
  });
  const made = readdirSync(bundles());
  assert.equal(made.filter((name) => name.startsWith('code-')).length, 2, made.join(' '));
  // What is in the bundles is what runs.
  const source = at('boot-configs/demo.yaml');
  rmSync(source);
  assert.equal((await domb(['validate', demo])).status, 0);
  cpSync(demo, source);
  assert.deepEqual(readdirSync(bundles()), made);
});

test('it behaves as the sources: exit statuses, standard input, other commands, files beside the sources', async () => {
  assert.equal((await domb(['validate', '-'], { stdin: 'version: 9\n' })).status, 1);
  assert.match(
    (await domb(['validate', '-'], { stdin: 'version: 9\n' })).error,
    /^<stdin>:1:10: version/,
  );
  assert.equal((await domb(['validate'])).status, 2);
  assert.equal((await domb([])).status, 2);
  assert.match((await domb(['valdate'])).error, /did you mean "domb validate"/);
  assert.match((await domb(['explain', 'domains.memory'])).out, /^domains\[\]\.memory\n/);
  assert.equal(
    JSON.parse((await domb(['schema', '--version', '1'])).out).$id,
    'urn:domb:manifest:1',
  );
  assert.match((await domb(['plan', demo])).out, /^2 domains/);
  assert.equal((await domb(['verify', '/nonexistent', '--nonce', '00'])).status, 1);
});

test('it is found through a link and a relative path', async () => {
  const link = join(work, 'domb');
  symlinkSync(program, link);
  for (const other of [link, './domb', './tree/bin/../bin/domb']) {
    assert.equal((await domb(['validate', demo], { started: other })).status, 0, other);
  }
});

test('a change to a source is seen at once', async () => {
  const source = at('cli/validate.ts');
  appendFileSync(source, "\nprocess.stderr.write('changed\\n');\n");
  assert.equal((await domb(['validate', demo])).error, 'changed\n');
  assert.equal((await domb(['validate', demo])).error, 'changed\n');
  cpSync(file('cli/validate.ts'), source);
  assert.equal((await domb(['validate', demo])).error, '');
});

test('sources that can not be bundled run as they are', async () => {
  const source = at('cli/validate.ts');
  writeFileSync(source, 'this is no program');
  const { status, error } = await domb(['validate', demo]);
  assert.notEqual(status, 0);
  assert.match(error, /the bundle can't be made/);
  assert.match(error, /this is no program|SyntaxError/);
  cpSync(file('cli/validate.ts'), source);
  assert.equal((await domb(['validate', demo])).status, 0);
});

test('without a cache directory the sources run', async () => {
  const { status, out, error } = await domb(['validate', demo], { cache: '/dev/null' });
  assert.deepEqual([status, out], [0, `${demo}: ok, 2 domains, 1152MiB\n`]);
  assert.match(error, /the bundle can't be made/);
});

test('what sources say in quotes of their own place stays as it is', async () => {
  const source = at('cli/validate.ts');
  const define = `{ 'import.meta.dirname': 1, "import.meta.url": import.meta.dirname }`;
  appendFileSync(source, `\nprocess.stderr.write(JSON.stringify(${define}));\n`);
  assert.deepEqual(JSON.parse((await domb(['validate', '-q', demo])).error), {
    'import.meta.dirname': 1,
    'import.meta.url': at('cli'),
  });
  cpSync(file('cli/validate.ts'), source);
});

test('a bundle that is damaged or missing is made again', async () => {
  const good = { status: 0, out: `${demo}: ok, 2 domains, 1152MiB\n`, error: '' };
  writeFileSync(join(bundles(), 'domb-validate.cjs'), 'no bundle');
  assert.deepEqual(await domb(['validate', demo]), good);
  rmSync(join(bundles(), 'domb-validate.cjs'));
  assert.deepEqual(await domb(['validate', demo]), good);
});

test('started many times at once without bundles, each works and says nothing more', async () => {
  rmSync(bundles(), { recursive: true });
  const all = await Promise.all(Array.from({ length: 6 }, () => domb(['validate', '-q', demo])));
  for (const each of all) assert.deepEqual(each, { status: 0, out: '', error: '' });
});

test('a broken code cache does no harm', async () => {
  for (const name of readdirSync(bundles())) {
    if (name.startsWith('code-')) writeFileSync(join(bundles(), name), 'x'.repeat(1000));
  }
  assert.deepEqual(await domb(['validate', '--quiet', demo]), { status: 0, out: '', error: '' });
  assert.equal((await domb(['validate', demo])).status, 0);
});

test('many commands at once after a change make the bundles once', async () => {
  const builders = new Set<string>();
  const watcher = watch(bundles(), (_, name) => {
    if (name?.startsWith('domb-all.cjs.')) builders.add(name);
  });
  appendFileSync(at('cli/validate.ts'), '// another change\n');
  const runs = await Promise.all(Array.from({ length: 8 }, () => domb(['validate', demo])));
  watcher.close();
  assert.ok(runs.every(({ status, error }) => status === 0 && error === ''));
  assert.equal(builders.size, 1, [...builders].join(' '));
  assert.ok(!readdirSync(bundles()).includes('builder'));
});

test('a source from a time to come, of a wrong clock, is bundled once', async () => {
  const future = new Date(Date.now() + 86_400_000);
  utimesSync(at('cli/validate.ts'), future, future);
  assert.equal((await domb(['validate', demo])).status, 0);
  const made = statSync(join(bundles(), 'domb-validate.cjs')).mtimeMs;
  assert.equal((await domb(['validate', demo])).status, 0);
  assert.equal(statSync(join(bundles(), 'domb-validate.cjs')).mtimeMs, made);
});

test('a builder that was ended is no obstacle', async () => {
  appendFileSync(at('cli/validate.ts'), '// one more\n');
  // No process has the highest number that Linux gives on 64 bits.
  writeFileSync(join(bundles(), 'builder'), String(4_194_304));
  assert.equal((await domb(['validate', demo])).status, 0);
  assert.ok(!readdirSync(bundles()).includes('builder'));
});

test('a builder that ends without having made anything is waited for, and the bundles are made', async () => {
  const other = spawn('sleep', ['2']);
  writeFileSync(join(bundles(), 'builder'), String(other.pid));
  const former = readFileSync(join(bundles(), 'domb-all.cjs'), 'latin1');
  appendFileSync(at('cli/explain.ts'), '\nprocess.stderr.write("changed\\n");\n');
  const { status, error } = await domb(['explain', 'vcpus']);
  assert.deepEqual([status, error], [0, 'changed\n']);
  assert.notEqual(readFileSync(join(bundles(), 'domb-all.cjs'), 'latin1'), former);
  assert.ok(!readdirSync(bundles()).includes('builder'));
});
