import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeBinary } from '../../../platform/images/code-cache.ts';
import { validateFiles } from '../../../platform/images/packaged-parts.ts';
import { validateBundle, validateOptions } from '../../../platform/images/validate-bundle.ts';
import { file } from '../../lib/domb.ts';

test('the installed command checks plain files by a bundle of its own, whose code cache V8 takes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-validate-'));
  t.after(() => rm(directory, { recursive: true }));
  const files = await validateBundle();
  // Packages are the same bytes from the same commit.
  const again = await validateBundle();
  for (const [name, bytes] of files) {
    assert.ok(Buffer.from(bytes).equals(again.get(name) ?? Buffer.alloc(0)), name);
    await writeFile(join(directory, name), bytes);
  }
  await writeFile(join(directory, 'main.mjs'), 'console.log("the whole", process.argv.slice(2))');
  const node = (argv: string[], input = '') =>
    spawnSync(nodeBinary(), [...validateOptions, ...argv], { input, encoding: 'utf8' });
  const domb = (argv: string[], input?: string) =>
    node([join(directory, validateFiles.launcher), ...argv], input);

  const demo = file('boot-configs/demo.yaml');
  assert.equal(domb(['validate', demo]).stdout, `${demo}: ok, 2 domains, 1152MiB\n`);
  const wrong = domb(['validate', '-'], 'version: 9\n');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^<stdin>:1:10: version/);
  assert.equal(
    domb(['validate', '-h', demo]).stdout,
    `the whole [ 'validate', '-h', '${demo}' ]\n`,
  );

  const look = `
    const { readFileSync } = require('node:fs');
    const [code, cache] = ${JSON.stringify([validateFiles.code, validateFiles.cache])};
    const read = (name) => readFileSync('${directory}/' + name);
    const { Script } = require('node:vm');
    const script = new Script(read(code).toString('latin1'), { cachedData: read(cache) });
    console.log(script.cachedDataRejected);
  `;
  const looked = node(['-e', look]);
  assert.equal(looked.stdout, 'false\n', looked.stderr);
});

test('whoever starts that bundle gives Node the options that the code cache is for', async () => {
  for (const program of ['bin/domb', 'platform/package/deb/files/domb']) {
    assert.ok((await readFile(file(program), 'utf8')).includes(validateOptions.join(' ')), program);
  }
});
