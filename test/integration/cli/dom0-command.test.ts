import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bundleCommand } from '../../../platform/images/bundle-command.ts';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

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
  const { version } = JSON.parse(await readFile(file('package.json'), 'utf8'));
  assert.equal(domb(['--version']).stdout, `domb ${version}\n`);
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

  // There is no compiler in dom0, which the command says.
  await writeFile(script, 'export default (boot) => boot.nothing();');
  assert.doesNotMatch(validate(), /scripts\[0\]/);
  await writeFile(join(images, 'vmlinux'), elf({ notes: pvNotes }));
  const sound = manifest.replace('kernel: sizes.ts', 'kernel: vmlinux');
  assert.match(
    domb(['validate', '--images', images, '-'], sound).stdout,
    /ok, .*; scripts not type-checked: there is no TypeScript compiler here\n$/,
  );
  const { files } = JSON.parse(domb(['validate', '--json', '--images', images, '-'], sound).stdout);
  assert.deepEqual(files[0].notChecked, [
    'scripts not type-checked: there is no TypeScript compiler here',
  ]);

  await writeFile(script, 'export default function (');
  assert.match(validate(), /scripts\[0\]\.run: /);
});

test('in dom0, what takes the source tree says so', async (t) => {
  const domb = await dom0Command(t);
  const images = await mkdtemp(join(tmpdir(), 'domb-images-'));
  t.after(() => rm(images, { recursive: true }));
  await writeFile(join(images, 'vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['vtpm', 'dom0'])
    await writeFile(join(images, `${name}.cpio.zst`), ramdiskWith(name));
  const manifest = file('boot-configs/demo.yaml');
  const predicted = domb(['predict', manifest, '--images', images]);
  assert.equal(predicted.status, 1);
  assert.match(predicted.stderr, /installed without our FLASK policy\n {2}hint: name the policy/);
  const asked = domb(['policy', 'why', 'dom0_t', 'vtpm_t', 'see', '--policy', await buildPolicy()]);
  assert.match(asked.stdout, /^yes: .*The modules of this policy are not known here/s);
  assert.equal(domb(['predict', manifest, '--images', images, '--no-policy']).status, 0);
  const output = ['--output', join(images, 'o'), '--policy', await buildPolicy()];
  const image = domb(['image', manifest, '--images', images, ...output]);
  assert.equal(image.status, 1);
  assert.match(
    image.stderr,
    /installed without what makes images.*\n {2}hint: install the package domb-boot/,
  );
});
