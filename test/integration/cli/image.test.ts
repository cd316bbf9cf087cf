import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { domb, file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const manifest = file('boot-configs/demo.yaml');

/** A directory with images that pass the checks. */
async function images(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-image-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  await writeFile(join(directory, 'vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  await writeFile(join(directory, 'dom0.cpio.zst'), ramdiskWith('domain 0'));
  return directory;
}

test('bin/domb image makes an initramfs with the daemon, the manifest and its images', async (t) => {
  const directory = await images(t);
  const output = join(directory, 'domb.initramfs');
  const argv = ['image', manifest, '--images', directory, '--output', output];
  const { status, out, error } = await domb(argv);
  assert.equal(status, 0, error);
  const made = await readFile(output);
  const size = (made.length / 2 ** 20).toFixed(1);
  const [first, second] = out.split('\n');
  assert.equal(first, `${output}: ${size} MiB, sha256:${hash('sha256', made, 'hex')}`);
  assert.match(
    second ?? '',
    /^Xen's options: dom0_mem=768M .*\bboot-domain dom0-iommu=strict,no-map-reserved$/,
  );
  for (const part of [await readFile(manifest), 'the vTPM', 'domain 0']) {
    assert.ok(made.includes(part), `${part}`.slice(0, 30));
  }
});
