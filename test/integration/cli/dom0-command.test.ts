import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bundleCommand } from '../../../platform/images/bundle-command.ts';

const scripts = join(import.meta.dirname, '../../../boot-configs/scripts');

/** The command as a dom0 has it, in a directory of its own; it runs it with arguments. */
async function dom0Command(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'domb-command-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, bytes] of await bundleCommand()) {
    const file = join(directory, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  return (args: string[], input = '') =>
    spawnSync(process.execPath, [join(directory, 'main.mjs'), ...args], {
      input,
      encoding: 'utf8',
    });
}

test('in dom0, domb validates manifests, and reads the boot scripts that they name', async (t) => {
  const domb = await dom0Command(t);
  const manifest = `version: 2
scripts:
  - { name: sizes, run: sizes.ts, at: before_planning }
domains:
  - name: dom0
    domid: 0
    type: pv
    memory: 512MiB
    kernel: sizes.ts
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
`;
  const images = await mkdtemp(join(tmpdir(), 'domb-images-'));
  t.after(() => rm(images, { recursive: true }));
  const script = join(images, 'sizes.ts');
  const validate = () => domb(['validate', '--images', images, '-'], manifest).stderr;

  await writeFile(script, await readFile(join(scripts, 'sizes.ts')));
  // The kernel is no kernel; of the script there is nothing to say.
  assert.match(validate(), /domains\[0\]\.kernel: /);
  assert.doesNotMatch(validate(), /scripts\[0\]/);

  await writeFile(script, 'export default function (');
  assert.match(validate(), /scripts\[0\]\.run: /);
});
