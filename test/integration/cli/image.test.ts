import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import {
  lstat,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cpio } from '../../../initramfs/cpio.ts';
import { debianKernel } from '../../../platform/images/kernel.ts';
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
  const [first, second, third, fourth] = out.split('\n');
  assert.equal(first, `${output}: ${size} MiB, sha256:${hash('sha256', made, 'hex')}`);
  assert.match(
    second ?? '',
    /^domB's memory: 192 MiB, of which its initramfs takes [45]\d\.\d while Linux unpacks it$/,
  );
  assert.match(
    third ?? '',
    /^Xen's options: dom0_mem=192M,max:192M .*\bboot-domain dom0-iommu=strict,no-map-reserved noreboot$/,
  );
  assert.match(
    fourth ?? '',
    /^Options of domB's kernel: .*\bpci=off initcall_blacklist=i8042_init initcall_blacklist=cmos_init rootfstype=ramfs swiotlb=noforce$/,
  );
  for (const part of [await readFile(manifest), 'the vTPM', 'domain 0']) {
    assert.ok(made.includes(part), `${part}`.slice(0, 30));
  }
  const own = await stat((await debianKernel()).bzImage);
  const sizes = await Promise.all(
    ['vmlinux', 'vtpm.cpio.zst', 'dom0.cpio.zst'].map((name) => stat(join(directory, name))),
  );
  const payload = made.length + own.size - sizes.reduce((sum, image) => sum + image.size, 0);
  assert.ok(payload <= 32 * 2 ** 20, `kernel and initramfs without images have ${payload} bytes`);
  t.diagnostic(`kernel and initramfs without images: ${(payload / 2 ** 20).toFixed(1)} MiB`);
});

test('beside an image lies what is in it, and a lock with which it is made again', async (t) => {
  const directory = await images(t);
  const output = join(directory, 'domb.initramfs');
  const argv = ['image', manifest, '--images', directory, '--output'];
  const { status, out, error } = await domb([...argv, output]);
  assert.equal(status, 0, error);
  assert.match(out, /^What is in it: \S+\.cdx\.json, \S+\.lock\.json$/m);
  const bill = JSON.parse(await readFile(`${output}.cdx.json`, 'utf8'));
  assert.equal(bill.bomFormat, 'CycloneDX');
  assert.match(
    bill.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const made = await readFile(output);
  assert.equal(bill.metadata.component.hashes[0].content, hash('sha256', made, 'hex'));
  const purls = bill.components.map(({ purl }: { purl?: string }) => purl ?? '').join('\n');
  assert.match(purls, /^pkg:deb\/debian\/linux-image-6\.1\S+@6\.1/m);
  assert.match(purls, /^pkg:deb\/debian\/libc6@2\.36/m);
  assert.match(purls, /^pkg:npm\/pino@\d/m);
  const lockFile = `${output}.lock.json`;
  const lock = JSON.parse(await readFile(lockFile, 'utf8'));

  const again = join(directory, 'again');
  const second = await domb([...argv, again, '--locked', lockFile]);
  assert.equal(second.status, 0, second.error);
  assert.ok(made.equals(await readFile(again)));

  // Another Node, another image, and one that nobody can have.
  for (const [name, change, says] of [
    ['node', { version: '1.2.3' }, /node node: 1\.2\.3, [0-9a-f]{64} is locked, and /],
    ['vtpm.cpio.zst', { sha256: '00' }, /file vtpm\.cpio\.zst: \S+ 00 is locked/],
    ['libc6', { version: '0' }, /libc6=0/],
  ] as const) {
    const components = lock.components.map((each: { name: string }) =>
      each.name === name ? { ...each, ...change } : each,
    );
    await writeFile(join(directory, 'other.json'), JSON.stringify({ ...lock, components }));
    const refused = await domb([...argv, again, '--locked', join(directory, 'other.json')]);
    assert.equal(refused.status, 1, name);
    assert.match(refused.error, says);
  }
  await writeFile(join(directory, 'other.json'), JSON.stringify({ ...lock, sha256: '00' }));
  const other = await domb([...argv, again, '--locked', join(directory, 'other.json')]);
  assert.match(
    other.error,
    /the image has the digest sha256:[0-9a-f]{64}, and sha256:00 is locked/,
  );
  const none = await domb([...argv, again, '--locked', manifest]);
  assert.match(none.error, /this is no lock of a boot image/);
});

test('a link to the file stays a link, and no image is written over', async (t) => {
  const directory = await images(t);
  const output = join(directory, 'domb.initramfs');
  await writeFile(output, 'what boots today');
  const link = join(directory, 'link');
  await symlink(output, link);
  const argv = ['image', manifest, '--images', directory, '--output'];
  const own = join(directory, 'dom0.cpio.zst');
  const before = await readFile(own);
  const refused = await domb([...argv, own]);
  assert.equal(refused.status, 1);
  assert.match(refused.error, /dom0\.cpio\.zst: this is one of the files that it is made of/);
  assert.deepEqual(await readFile(own), before);

  const { status, error } = await domb([...argv, link]);
  assert.equal(status, 0, error);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.ok((await stat(output)).size > 1 << 20);
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.endsWith('.partial')),
    [],
  );
});

/** A ramdisk with one file of so many bytes, which take no room on the disk. */
async function largeRamdisk(path: string, size: number): Promise<void> {
  const empty = cpio([{ path: 'large', type: 'file', mode: 0o644, data: Buffer.alloc(0) }]);
  // 110 bytes of header, the name and its end, filled up to a multiple of 4.
  const header = Buffer.from(empty.subarray(0, 116));
  header.write(size.toString(16).padStart(8, '0'), 54);
  const output = await open(path, 'w');
  await output.write(header, 0, header.length, 0);
  await output.write(empty, 116, empty.length - 116, 116 + size);
  await output.close();
}

test('large images get the memory that they need, and none of it here', async (t) => {
  const directory = await images(t);
  const size = 600 * 2 ** 20;
  await largeRamdisk(join(directory, 'dom0.cpio.zst'), size);
  const large = join(directory, 'large.yaml');
  await writeFile(large, (await readFile(manifest, 'utf8')).replace('1GiB', '4GiB'));
  const argv = ['image', large, '--images', directory];
  const small = await domb([...argv, '--platform-memory', '5GiB', '--output', '/dev/null']);
  assert.equal(small.status, 1);
  assert.match(small.error, /the domains need 4240MiB, .* the boot domain has 1392MiB/s);

  const output = join(directory, 'large.initramfs');
  const tell =
    "process.on('exit', () => console.error('RESIDENT', process.resourceUsage().maxRSS))";
  const env = {
    ...process.env,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}`,
  };
  const { out, error } = await domb([...argv, '--output', output], { env });
  assert.match(out, /^domB's memory: 1376 MiB, of which its initramfs takes 12\d\d\.\d while/m);
  assert.match(out, /^Xen's options: dom0_mem=1376M,max:1376M /m);
  assert.ok((await stat(output)).size > size);
  const residentMiB = Number(/RESIDENT (\d+)/.exec(error)?.[1]) / 1024;
  assert.ok(residentMiB < 400, `${residentMiB} MiB`);
});

test('an image of 2 GiB is refused, by validate too', async (t) => {
  const directory = await images(t);
  await truncate(join(directory, 'dom0.cpio.zst'), 2 ** 31);
  for (const argv of [['image', '-o', '/dev/null'], ['validate']]) {
    const { status, error } = await domb([...argv, manifest, '--images', directory]);
    assert.equal(status, 1);
    assert.match(error, /has 2147483648 bytes; domB takes images of less than 2 GiB/);
  }
});
