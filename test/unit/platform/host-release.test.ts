import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { imageNames } from '../../../boot-configs/all-domains.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { saysHalt } from '../../../boot-configs/says-halt.ts';
import { machineNotes } from '../../../cli/host/machine-notes.ts';
import { hostImages, hostKernel } from '../../../platform/host/host-images.ts';
import { changesBetween, predictionOf } from '../../../platform/host/prediction.ts';
import {
  keepReleases,
  type ReleaseParts,
  releasesIn,
  writeRelease,
} from '../../../platform/host/release.ts';
import { unpackBzImage } from '../../../platform/images/bz-image.ts';
import { crashOptions } from '../../../platform/images/command-lines.ts';
import { file } from '../../lib/domb.ts';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'domb-release-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function partsIn(directory: string): ReleaseParts {
  const file = (name: string) => {
    writeFileSync(join(directory, name), name);
    return join(directory, name);
  };
  return {
    ...{ xen: file('xen'), kernel: file('kernel'), policy: file('policy') },
    initramfs: { pieces: [Buffer.from('initramfs')], packed: 9, unpacked: 9, later: 0 },
    ...{ xenOptions: ['dom0_mem=768M', 'boot-domain'], kernelOptions: ['quiet', 'pci=off'] },
    ...{ title: 'Linux 6.1', manifest: Buffer.from('version: 2\n') },
    prediction: { pcr: 13, sha256: 'aa', items: [] },
  };
}

test('a release is named by what it boots, and holds all of it', async (t) => {
  const directory = scratch(t);
  const releases = join(directory, 'boot/domb');
  const parts = partsIn(directory);
  const name = await writeRelease(releases, parts);
  assert.match(name, /^[0-9a-f]{12}$/);
  const read = (file: string) => readFileSync(join(releases, name, file), 'utf8');
  assert.equal(read('xen-options'), 'dom0_mem=768M boot-domain\n');
  assert.equal(read('domb.initramfs'), 'initramfs');
  assert.deepEqual(await predictionOf(releases, name), parts.prediction);
  // What is damaged is written again, under the same name.
  writeFileSync(join(releases, name, 'xen'), 'damaged');
  assert.equal(await writeRelease(releases, { ...parts, title: 'another' }), name);
  assert.equal(read('xen'), 'xen');
  // What the machine boots is left alone.
  await writeRelease(releases, parts, name);
  assert.equal(read('title'), 'another\n');

  const other = await writeRelease(releases, { ...parts, kernelOptions: ['quiet'] });
  assert.notEqual(other, name);
  mkdirSync(join(releases, 'not-a-release'));
  assert.deepEqual(releasesIn(releases), [name, other].sort());
  assert.deepEqual(await keepReleases(releases, [other, undefined]), [name]);
  assert.deepEqual(releasesIn(releases), [other]);
});

test('an option that a boot loader would read as something else is refused', async (t) => {
  const directory = scratch(t);
  const parts = partsIn(directory);
  for (const option of ['a;b', '$x', "a'b", 'a b', 'a\nb', '`x`', 'x{y']) {
    await assert.rejects(
      writeRelease(join(directory, 'r'), { ...parts, xenOptions: [option] }),
      /has characters that boot loaders read as something else/,
    );
  }
  assert.deepEqual(releasesIn(join(directory, 'r')), []);
});

test('what changes in the PCRs is told by what is measured', () => {
  const item = (about: string, digest: string) => ({ about, digest });
  const former = {
    pcr: 13,
    sha256: 'aa',
    items: [item('image dom0 kernel', '1'), item('image dom0 ramdisk', '2'), item('policy', '3')],
  };
  const now = {
    pcr: 13,
    sha256: 'bb',
    items: [item('image dom0 kernel', '1'), item('image dom0 ramdisk', '9'), item('script x', '4')],
  };
  assert.deepEqual(changesBetween(former, now), [
    'PCR 13 will be sha256:bb, and was sha256:aa',
    '  changed: image dom0 ramdisk',
    '  new: script x',
    '  gone: policy',
  ]);
  assert.deepEqual(changesBetween(former, former), ['PCR 13 stays as it is: sha256:aa']);
  assert.deepEqual(changesBetween(undefined, now), ['PCR 13 will be sha256:bb']);
});

test("the example for a host is a manifest, with the host's own images", () => {
  const manifest = loadManifest(readFileSync(file('docs/host.yaml')), 'host.yaml');
  assert.deepEqual([...imageNames(manifest)], [hostImages.kernel, hostImages.ramdisk]);
});

test('what is missing on this machine, or in the manifest for it, is told beforehand', () => {
  const example = readFileSync(file('docs/host.yaml'), 'utf8');
  const notes = (text: string) => machineNotes(loadManifest(Buffer.from(text), 'x')).join('\n');
  assert.match(notes(example), /dom0 looks for its root file system by the UUID 00000000-0000-/);
  const without = example.replace(/root=\S+/, '');
  assert.match(notes(without), /dom0 has this host's initramfs and no root= on its cmdline/);
  const labelled = example.replace(/root=\S+/, 'root=LABEL=x');
  assert.doesNotMatch(notes(labelled), /root/);
  const fixed = labelled.replace(
    'domid: 0',
    'domid: 0\n    uuid: 6f0c3f9c-6a4b-4a52-9b43-4d7f6b9bb3a1',
  );
  assert.match(notes(fixed), /dom0 has a fixed uuid: a UUID names one running instance/);
});

test("the host's kernel is the newest that has an initramfs, or the one that is named", (t) => {
  const root = scratch(t);
  assert.throws(() => hostKernel(root), /has no kernel/);
  mkdirSync(join(root, 'boot'));
  for (const name of [
    ...['vmlinuz-6.1.0-9-amd64', 'initrd.img-6.1.0-9-amd64'],
    ...['vmlinuz-6.1.0-10-amd64', 'initrd.img-6.1.0-10-amd64', 'vmlinuz-6.1.0-11-amd64'],
  ]) {
    writeFileSync(join(root, 'boot', name), '');
  }
  assert.equal(hostKernel(root).release, '6.1.0-10-amd64');
  assert.equal(hostKernel(root, '6.1.0-9-amd64').release, '6.1.0-9-amd64');
  assert.throws(() => hostKernel(root, '6.1.0-11-amd64'), /no kernel 6\.1\.0-11-amd64/);
});

test('kernels are unpacked from zstd and gzip, and what is none is refused', async () => {
  const elf = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(100, 7)]);
  const image = (payload: Buffer) => {
    const header = Buffer.alloc(1024);
    header.write('HdrS', 0x202, 'latin1');
    header.writeUInt8(1, 0x1f1);
    header.writeUInt32LE(payload.length, 0x24c);
    return Buffer.concat([header, payload]);
  };
  const size = Buffer.alloc(4);
  size.writeUInt32LE(elf.length);
  assert.deepEqual(await unpackBzImage(image(gzipSync(elf))), elf);
  assert.deepEqual(await unpackBzImage(image(Buffer.concat([zstdCompressSync(elf), size]))), elf);
  await assert.rejects(unpackBzImage(Buffer.alloc(2048)), /not a bzImage/);
  await assert.rejects(unpackBzImage(image(Buffer.alloc(64))), /unknown compression/);
  await assert.rejects(unpackBzImage(image(gzipSync(Buffer.alloc(8)))), /no ELF file/);
});

test('a crash halts the machine only where the manifest itself says so', () => {
  const manifest = (text: string) => Buffer.from(`version: 2\n${text}domains: []\n`);
  assert.equal(saysHalt(manifest('')), false);
  assert.equal(saysHalt(manifest('platform: { on_failure: reboot }\n')), false);
  assert.equal(saysHalt(manifest('platform: { on_failure: halt }\n')), true);
  assert.equal(saysHalt(Buffer.from('version: 1\nplatform: { on-failure: halt }\n')), true);
  assert.deepEqual(crashOptions(manifest('platform: { on_failure: halt }\n')), ['noreboot']);
  assert.deepEqual(crashOptions(manifest('')), []);
});
