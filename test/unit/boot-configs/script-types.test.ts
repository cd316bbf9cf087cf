import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { imageFiles } from '../../../boot-configs/checks/image-files.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { file } from '../../lib/domb.ts';
import { elf, pvNotes } from './elf-builder.ts';
import { dom0, manifest } from './support.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-script-types-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'vmlinux'), elf({ notes: pvNotes }));

/** What is found in a manifest, as path and message with the hint. */
function problemsOf(text: string): readonly { path: string; message: string; hint: string }[] {
  try {
    loadManifest(Buffer.from(text), 'm.yaml', [imageFiles(directory)]);
    return [];
  } catch (error) {
    assert.ok(error instanceof ManifestError);
    return error.problems;
  }
}

/** What is found in a script that runs at this point. */
function typesOf(at: string, source: string, name = 'typed.ts'): string[] {
  writeFileSync(join(directory, name), source);
  const text = `${manifest(dom0)}scripts: [{ name: a, run: ${name}, at: ${at} }]\n`;
  return problemsOf(text).map(({ path, message, hint }) => {
    assert.equal(path, 'scripts[0].run');
    return `${message} | ${hint}`;
  });
}

const typed = (at: string, body: string) =>
  `import type { BootScript } from './api.ts';\nconst script: BootScript<'${at}'> = async (boot) => {\n${body}\n};\nexport default script;\n`;

describe('scripts are checked against the API of their point', () => {
  const misspelt = /Property 'configur' does not exist .* Did you mean 'configure'\?/;
  test('a call that there is not, with its place', () => {
    const body = `  await boot.configur('guest', { vcpus: 2 });`;
    const [found = ''] = typesOf('before_planning', typed('before_planning', body));
    assert.match(found, misspelt);
    assert.match(found, /^typed\.ts:3:14: /);
  });

  test('whichever way the script is written', () => {
    const body = `(boot) => { boot.configur('guest', {}); }`;
    for (const [file, source, place] of [
      ['a.ts', `export default ${body};`, '1:33'],
      ['b.js', `\nexport default async ${body};`, '2:39'],
      ['c.mjs', `export default function (boot) {\n  boot.configur('guest', {});\n}`, '2:8'],
      ['d.mts', `export default async function run(boot) {\n  boot.configur('a', {});\n}`, '2:8'],
    ] as const) {
      const [found = ''] = typesOf('before_planning', source, file);
      assert.match(found, misspelt, file);
      assert.ok(found.startsWith(`${file}:${place}: `), found);
    }
    const renamed = `const run = ${body};\nexport { run as default };\n`;
    assert.deepEqual(typesOf('before_planning', renamed), []);
  });

  test('a call at the wrong point, and where it belongs', () => {
    const wrong = [
      ['after_create', `await boot.configure('guest', {});`, /is for scripts at before_planning$/],
      ['after_start', `await boot.keepPaused('guest');`, /at after_create and before_start$/],
      ['before_start', 'await boot.restrictHardware({});', /at before_planning$/],
    ] as const;
    for (const [at, call, hint] of wrong) {
      const [found = '', ...more] = typesOf(at, `export default async (boot) => {\n${call}\n};`);
      assert.match(found, hint);
      assert.match(found, /^typed\.ts:2:12: Property '\w+' does not exist on type '(Before|After)/);
      assert.deepEqual(more, []);
    }
    // Written for one point, and named at another.
    const other = typed('before_planning', `  await boot.configure('guest', {});`);
    assert.deepEqual(typesOf('before_planning', other), []);
    assert.match(typesOf('after_start', other)[0] ?? '', /^typed\.ts:5:\d+: .*not assignable/);
    const apart = other.replace('export default script', 'export { script as default }');
    assert.match(typesOf('after_start', apart)[0] ?? '', /^typed\.ts: .*not assignable/);
  });

  test('wrong arguments, what may be missing, what is not there', () => {
    const check = (body: string) => typesOf('before_planning', typed('before_planning', body));
    assert.match(
      check(`  await boot.configure('a', { memmory: '1GiB' });`)[0] ?? '',
      /3:\d+: .*memmory/,
    );
    assert.match(check(`  await boot.configure('a', { memory: 256 });`)[0] ?? '', /not assignable/);
    assert.match(check('  boot.log(boot.host.smbios.vendor);')[0] ?? '', /possibly 'undefined'/);
    assert.match(check(`  await fetch('http://x');`)[0] ?? '', /Cannot find name 'fetch'/);
    assert.match(check(`  boot.log(process.pid);`)[0] ?? '', /Cannot find name 'process'/);
  });

  test('several scripts at once, each with its own mistakes', () => {
    writeFileSync(join(directory, 'one.ts'), 'export default (boot) => boot.log(boot.one);');
    writeFileSync(join(directory, 'two.ts'), 'export default (boot) => boot.log("good");');
    writeFileSync(join(directory, 'three.ts'), 'export default (boot) => boot.log(boot.three);');
    const scripts = ['one', 'two', 'three'].map(
      (name) => `  - { name: ${name}, run: ${name}.ts, at: after_start }\n`,
    );
    const problems = problemsOf(`${manifest(dom0)}scripts:\n${scripts.join('')}`).map(
      ({ path, message }) => `${path}: ${message}`,
    );
    assert.deepEqual(
      problems.map((problem) => problem.replace(/^(.*?does not exist).*$/, '$1')),
      [
        "scripts[0].run: one.ts:1:40: Property 'one' does not exist",
        "scripts[2].run: three.ts:1:40: Property 'three' does not exist",
      ],
    );
  });

  test('good ones have no mistakes', () => {
    const body = `  const id = setTimeout(() => console.log('late'), 10);
  clearTimeout(id);
  const { pci = [], tpm, secureBoot } = boot.host;
  if (pci.some(({ vendor }) => vendor === '8086') && secureBoot === false) boot.refuse('no', 'yes');
  boot.log(tpm?.firmware ?? 'none');
  for (const { name, domid } of boot.planned) boot.log(name + domid);
  await boot.restrictHardware({ ioports: { only: ['60'] }, irqs: { without: [1] } });`;
    assert.deepEqual(typesOf('before_planning', typed('before_planning', body)), []);
    assert.deepEqual(typesOf('after_start', 'export default () => {};', 'plain.js'), []);
    assert.deepEqual(
      typesOf(
        'after_start',
        'function help(x) { return x.y; }\nexport default () => help({});',
        'p.js',
      ),
      [],
    );
  });

  test('the examples have none', () => {
    const scripts = file('boot-configs/scripts');
    const points = /run: (\S+)\n {4}at: (\S+)/g;
    const named = [...readFileSync(file('boot-configs/permissions.yaml'), 'utf8').matchAll(points)];
    assert.ok(named.length >= 5);
    for (const [, name = '', at = ''] of named) {
      assert.deepEqual(typesOf(at, readFileSync(join(scripts, name), 'utf8'), name), [], name);
    }
  });
});
