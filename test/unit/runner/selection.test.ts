import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

/** A tree with the runner and three tests of which each writes a file when it runs. */
let root: string;
const at = (name: string): string => join(root, name);

before(() => {
  root = mkdtempSync(join(tmpdir(), 'domb-runner-'));
  const runner = join(import.meta.dirname, '../../runner');
  cpSync(runner, at('test/runner'), { recursive: true });
  cpSync(join(runner, '../run.ts'), at('test/run.ts'));
  const cache = 'platform/lib/cache.ts';
  cpSync(join(runner, '../..', cache), at(cache));
  mkdirSync(at('node_modules/.bin'), { recursive: true });
  for (const check of ['tsc', 'biome']) {
    writeFileSync(at(`node_modules/.bin/${check}`), `#!/bin/sh\ntouch ${at(check)}\n`, {
      mode: 0o755,
    });
  }
  put(
    'test/unit/a.test.ts',
    `test('one', ran('a-one')); describe('of b', () => test('two', ran('a-two')));`,
  );
  put('test/integration/deep/b.test.ts', `test('three is one', ran('b-three'));`);
  put('test/boot/prepare.ts', '');
  put('test/boot/c.test.ts', `before(ran('boot')); test('four', ran('c-four'));`);
});

after(() => rmSync(root, { recursive: true }));

function put(file: string, body: string): void {
  mkdirSync(join(at(file), '..'), { recursive: true });
  const head = `import { before, describe, test } from 'node:test'; import { writeFileSync } from 'node:fs';
const ran = (name) => () => writeFileSync(${JSON.stringify(root)} + '/ran-' + name, '');`;
  writeFileSync(at(file), `${head}\n${body}\n`);
}

const marks = ['tsc', 'biome', 'ran-a-one', 'ran-a-two', 'ran-b-three', 'ran-boot', 'ran-c-four'];

/** What ran, and how it ended. */
function run(argv: string[], directory = root) {
  for (const mark of marks) rmSync(at(mark), { force: true });
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [at('test/run.ts'), ...argv], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...env, INIT_CWD: directory },
  });
  return { status, stderr, ran: marks.filter((mark) => existsSync(at(mark))) };
}

test('without arguments everything runs, with --unit everything but the boots', () => {
  assert.deepEqual(run([]), { status: 0, stderr: '', ran: marks });
  assert.deepEqual(run(['--unit']).ran, marks.slice(0, 5));
  assert.deepEqual(run(['boot']).ran, ['tsc', 'biome', 'ran-boot', 'ran-c-four']);
});

test('a path runs the tests there and nothing else, also from another directory', () => {
  assert.deepEqual(run(['test/unit/a.test.ts']).ran, ['ran-a-one', 'ran-a-two']);
  assert.deepEqual(run(['test/integration', 'test/boot']).ran, marks.slice(4));
  assert.deepEqual(run(['b.test.ts'], at('test/integration/deep')).ran, ['ran-b-three']);
});

test('a name runs the tests of that name, and no boot without one', () => {
  assert.deepEqual(run(['--name', 'one']).ran, ['ran-a-one', 'ran-b-three']);
  assert.deepEqual(run(['--name=/OF B/i', 'unit']).ran, ['ran-a-two']);
  assert.deepEqual(run(['--name', '^four$']).ran, ['ran-boot', 'ran-c-four']);
});

test('what there is not is refused with the usage, and nothing runs', () => {
  for (const [argv, message] of [
    [['nonsense'], /"nonsense" is no kind of tests, and no path/],
    [['unit', 'nonsense'], /"nonsense"/],
    [['--nonsense'], /Unknown option '--nonsense'/],
    [['test/run.ts'], /holds no tests/],
    [['test/runner'], /holds no tests/],
    [['..'], /is not in/],
    [['--name', 'five'], /no test has a name that matches five/],
    [['--name', '('], /--name: .*Unterminated group/],
    [['--name'], /argument missing/],
    [['--unit', 'boot'], /leaves nothing/],
  ] as const) {
    const { status, stderr, ran } = run([...argv]);
    assert.deepEqual([status, ran], [2, []], argv.join(' '));
    assert.match(stderr, message);
    assert.match(stderr, /^Usage: npm test/m);
  }
});

test('a test that fails gives 1', () => {
  put('test/unit/d.test.ts', `test('five', () => { throw new Error('no'); });`);
  assert.equal(run(['test/unit/d.test.ts']).status, 1);
  rmSync(at('test/unit/d.test.ts'));
});
