import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asFunction, daemonFiles } from '../../../daemon/plan/compiled-code.ts';
import { bundle } from '../../../platform/images/bundle.ts';
import { codeCache, nodeBinary } from '../../../platform/images/code-cache.ts';

const source = (name: string) => join(import.meta.dirname, '../../../daemon/run', name);

test('the daemon starts from its code cache, and without one or with a wrong one as well', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-code-'));
  t.after(() => rm(directory, { recursive: true }));
  const at = (name: string) => join(directory, name);
  const code = await bundle(source('main.ts'));
  const cache = await codeCache(code);
  // The image, and so PCR 4, is the same each time.
  assert.ok(cache.equals(await codeCache(code)));
  writeFileSync(at(daemonFiles.launcher), await bundle(source('launch.ts'), nodeBinary()));
  writeFileSync(at(daemonFiles.code), code);
  writeFileSync(at(daemonFiles.cache), cache);

  const look = `
    const { readFileSync } = require('node:fs');
    const code = (${asFunction})(readFileSync(${JSON.stringify(at(daemonFiles.code))}, 'latin1'));
    const cachedData = readFileSync(${JSON.stringify(at(daemonFiles.cache))});
    console.log(new (require('node:vm').Script)(code, { cachedData }).cachedDataRejected);
  `;
  const looked = spawnSync(nodeBinary(), ['-e', look], { encoding: 'utf8' });
  assert.equal(looked.stdout, 'false\n', looked.stderr);

  const starts = () => {
    const { status, stderr } = spawnSync(nodeBinary(), [at(daemonFiles.launcher)], {
      encoding: 'utf8',
    });
    assert.match(
      stderr,
      /^domb: this is the init of a boot domain; started by hand it does nothing/,
    );
    assert.equal(status, 2);
  };
  starts();
  // As of another version of V8: its mark is another one.
  const foreign = Buffer.from(cache);
  foreign.fill(0xff, 0, 16);
  writeFileSync(at(daemonFiles.cache), foreign);
  starts();
  rmSync(at(daemonFiles.cache));
  starts();
});
