import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import { askTpm } from '../../platform/demo/tpm-question.ts';
import { assertShown } from '../documentation/assert-shown.ts';
import { commandsIn, NONCE } from '../documentation/table.ts';
import { Tree } from '../documentation/tree.ts';
import { costed } from '../runner/costs.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

/** Commands for dom0 that its TPM answers. */
const usesTpm = /^(tpm2_pcrread|domb quote) /;

/** Asked last: the files of the evidence that dom0 made. */
const files = 'for file in *; do echo "$file $(base64 "$file" | tr -d "\\n")"; done';

describe('the documentation, literally, with a platform that booted:', () => {
  let images: string;
  let tree: Tree;
  let platform: PlatformRun;
  before(async () => {
    const built = await parts();
    images = await mkdtemp(join(tmpdir(), 'domb-images-'));
    for (const [name, path] of built.images) await symlink(path, join(images, name));
    const manifest = (await exampleManifest('demo')).replace(
      'ramdisk: dom0.cpio.zst',
      'ramdisk: [dom0.cpio.zst, domb-command.cpio.zst]',
    );
    tree = await Tree.make(manifest, images, built.policy);
    platform = await boot('documentation', manifest, {
      parts: built,
      // What is documented has no gap that only a machine can close.
      devices: ['intel-iommu'],
      async converse(ask) {
        for (const [index, { command }] of commandsIn('dom0').entries()) {
          const inDirectory = 'mkdir -p /run/reader && cd /run/reader';
          const script = `${inDirectory} && NONCE=${NONCE} && ${command}`;
          await ask(`documented-${index}`, usesTpm.test(command) ? askTpm(script) : script);
        }
        await ask('documented-files', `cd /run/reader/evidence && ${files}`);
      },
    });
    await mkdir(join(tree.directory, 'evidence'));
    for (const line of platform.answers.output('documented-files').trim().split('\n')) {
      const [file = '', bytes = ''] = line.split(' ');
      await writeFile(join(tree.directory, 'evidence', file), Buffer.from(bytes, 'base64'));
    }
    await cp(join(tree.directory, 'evidence/ak.pub'), join(tree.directory, 'ak.pub'));
  });
  after(async () => {
    await tree?.remove();
    await rm(images, { recursive: true });
  });

  test('it came up', () => assert.deepEqual(failedChecks(platform), []));

  for (const [index, each] of commandsIn('dom0').entries()) {
    test(`in dom0: ${each.command}`, () => {
      const { status, output } = platform.answers.get(`documented-${index}`);
      assertShown(each, { status, said: output });
    });
  }

  for (const each of commandsIn('evidence')) {
    test(`in the evidence: ${each.command}`, async () => {
      assertShown(each, await tree.run(each, 'evidence'));
    });
  }

  for (const each of commandsIn('boot')) {
    test(each.command, async () => assertShown(each, await tree.run(each)));
  }

  test('"domb plan" shows what the boot did, step by step', async () => {
    const { said } = await tree.run({
      command: 'domb plan platform.yaml --images images --json',
      where: 'boot',
    });
    const { phases } = JSON.parse(said) as {
      phases: { name: string; operations: { name: string }[] }[];
    };
    const planned = phases.flatMap(({ name, operations }) =>
      operations.map((operation) => `${name}: ${operation.name}`),
    );
    const done = platform.record.timeline.map(({ phase, step }) => `${phase}: ${step}`);
    assert.ok(done.length > 20);
    // The record is written before dom0 starts.
    assert.deepEqual(done, planned.slice(0, done.length));
  });

  for (const each of commandsIn('demo')) {
    test(each.command, async () => {
      const of = {
        boot: each.command,
        file: 'test/boot/documentation.test.ts',
        test: each.command,
      };
      const run = each.command.startsWith('npm run demo')
        ? await costed(of, () => tree.run(each))
        : await tree.run(each);
      assertShown(each, run);
    });
  }
});
