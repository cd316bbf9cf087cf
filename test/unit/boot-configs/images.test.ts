import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { imageFiles } from '../../../boot-configs/checks/image-files.ts';
import { platformMemory } from '../../../boot-configs/checks/platform-memory.ts';
import type { ByteSource } from '../../../boot-configs/images/byte-source.ts';
import { inspectKernel, isFault } from '../../../boot-configs/images/kernel.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { cpio } from '../../../initramfs/cpio.ts';
import { elf, pvhNote, pvNotes } from './elf-builder.ts';
import { dom0, guest, manifest } from './support.ts';

function source(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** The fault of a kernel, or how many bytes it spans. */
function verdict(bytes: Buffer, type: 'pv' | 'pvh'): string | number {
  const kernel = inspectKernel(source(bytes), type);
  return isFault(kernel) ? kernel.message : kernel.span;
}

test('a kernel is accepted for the types that its notes allow', () => {
  assert.equal(verdict(elf({ notes: pvNotes, span: 12345 }), 'pv'), 12345);
  assert.match(String(verdict(elf({ notes: pvNotes }), 'pvh')), /no PVH entry/);
  assert.equal(verdict(elf({ notes: [pvhNote] }), 'pvh'), 4096);
  assert.match(String(verdict(elf({ notes: [pvhNote] }), 'pv')), /no PV entry/);
  assert.equal(verdict(elf({ notes: [...pvNotes, pvhNote] }), 'pvh'), 4096);
});

test('notes that are incomplete or of another owner do not count', () => {
  assert.match(String(verdict(elf({ notes: pvNotes.slice(0, 1) }), 'pv')), /no PV entry/);
  assert.match(String(verdict(elf({ notes: pvNotes, owner: 'GNU' }), 'pv')), /no PV entry/);
  assert.match(String(verdict(elf({}), 'pv')), /no PV entry/);
});

test('other files are called by their names', () => {
  const bzImage = Buffer.alloc(0x300);
  bzImage.write('MZ');
  bzImage.write('HdrS', 0x202);
  assert.match(String(verdict(bzImage, 'pv')), /a bzImage$/);
  assert.match(String(verdict(Buffer.from('1f8b0800', 'hex'), 'pv')), /gzip$/);
  assert.match(String(verdict(Buffer.from('070701000'), 'pv')), /a cpio archive$/);
  assert.match(String(verdict(Buffer.from('hello'), 'pv')), /a text$/);
  assert.match(String(verdict(Buffer.from([1, 2, 3]), 'pv')), /something unknown$/);
  assert.match(String(verdict(Buffer.alloc(0), 'pv')), /empty$/);
  assert.match(String(verdict(elf({ machine: 183, notes: pvNotes }), 'pv')), /another machine/);
});

test('a kernel that is cut off anywhere is refused and breaks nothing', () => {
  const whole = elf({ notes: [...pvNotes, pvhNote] });
  for (let length = 0; length < whole.length; length++) {
    const kernel = inspectKernel(source(whole.subarray(0, length)), 'pvh');
    assert.ok(isFault(kernel), `${length} bytes`);
  }
});

test('random changes of the headers break nothing', () => {
  const whole = elf({ notes: pvNotes });
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(whole);
      changed[at] = value;
      inspectKernel(source(changed), 'pv');
    }
  }
});

const directory = mkdtempSync(join(tmpdir(), 'domb-images-'));
after(() => rmSync(directory, { recursive: true }));
const kernel = elf({ notes: pvNotes, span: 100 << 20 });
writeFileSync(join(directory, 'vmlinux'), kernel);
writeFileSync(
  join(directory, 'bzImage'),
  Buffer.concat([Buffer.alloc(0x202), Buffer.from('HdrS')]),
);
writeFileSync(join(directory, 'small.cpio'), cpio([]));
mkdirSync(join(directory, 'folder'));

function found(text: string): string[] {
  try {
    loadManifest(Buffer.from(text), 'test.yaml', [imageFiles(directory)]);
    return [];
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

test('images that are there and right are accepted', () => {
  const digests = (['sha256', 'sha384', 'sha512'] as const).map((algorithm, index) => {
    const digest = createHash(algorithm).update(kernel).digest('hex');
    const name = `g${index}`;
    return guest({
      name,
      domid: String(index + 1),
      digests: `{ kernel: "${algorithm}:${digest}" }`,
    });
  });
  assert.deepEqual(found(manifest(dom0 + digests.join(''))), []);
});

test('images that are missing, no files or of the wrong kind are reported where they are named', () => {
  const text = manifest(
    dom0 +
      guest({ kernel: 'missing', ramdisk: 'vmlinux/x' }) +
      guest({ name: 'b', domid: '2', kernel: 'bzImage', ramdisk: 'folder' }) +
      guest({ name: 'c', domid: '3', type: 'pvh' }) +
      guest({ name: 'd', domid: '4', ramdisk: 'fifo' }),
  );
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  assert.deepEqual(found(text), [
    'domains[1].kernel: there is no such file in the image directory',
    'domains[1].ramdisk: there is no such file in the image directory',
    'domains[2].kernel: the kernel is not an ELF file that Xen can load but a bzImage',
    'domains[2].ramdisk: this is not a regular file',
    'domains[3].kernel: the kernel has no PVH entry (ELF note PHYS32_ENTRY), where a domain of type pvh starts',
    'domains[4].ramdisk: this is not a regular file',
  ]);
});

test('an image with another digest than the pinned one is reported with its digest', () => {
  const digests = `{ kernel: "sha256:${'0'.repeat(64)}" }`;
  const digest = createHash('sha256').update(kernel).digest('hex');
  assert.deepEqual(found(manifest(dom0 + guest({ digests }))), [
    `domains[1].digests.kernel: the image has another digest: sha256:${digest}`,
  ]);
});

test('scripts are read, but not run', () => {
  const script = (source: string, more = '') => {
    writeFileSync(join(directory, 'script.ts'), source);
    return found(
      `${manifest(dom0)}scripts: [{ name: a, run: script.ts, at: after_start${more} }]\n`,
    );
  };
  const good = 'throw new Error("run");\nexport default (boot: { log: unknown }) => boot;\n';
  assert.deepEqual(script(good), []);
  const digest = createHash('sha256').update(good).digest('hex');
  assert.deepEqual(script(good, `, digest: "sha256:${digest}"`), []);
  assert.match(script('const a = 1;')[0] ?? '', /^scripts\[0\]\.run: .*no default export/);
  assert.match(script('\nlet a = ;')[0] ?? '', /^scripts\[0\]\.run: script\.ts:2: SyntaxError/);
  assert.match(script('import "fs"; export default 1;')[0] ?? '', /it imports "fs"/);
  assert.match(script(' '.repeat(2 ** 21))[0] ?? '', /larger than a script can be/);
  assert.match(
    script(good, `, digest: "sha256:${'0'.repeat(64)}"`)[0] ?? '',
    /^scripts\[0\]\.digest: the image has another digest/,
  );
  assert.deepEqual(
    found(`${manifest(dom0)}scripts: [{ name: a, run: absent.js, at: after_start }]\n`),
    ['scripts[0].run: there is no such file in the image directory'],
  );
});

test('images must fit into the memory of the domain', () => {
  assert.deepEqual(found(manifest(dom0 + guest({ memory: '100MiB' }))), []);
  assert.deepEqual(found(manifest(dom0 + guest({ memory: '100MiB', ramdisk: 'small.cpio' }))), [
    'domains[1].memory: 100MiB do not hold the images, which need 101MiB',
  ]);
});

test('the domains together must fit into the platform, beside Xen and the boot domain', () => {
  const bytes = Buffer.from(manifest(dom0 + guest({ memory: '1GiB' })));
  const check = (bootDomainMiB: number) =>
    platformMemory({ platformKiB: 3 * 1024 ** 2, bootDomainKiB: bootDomainMiB * 1024 });
  // Of 3072 MiB Xen takes a 128th and 16 MiB, 40 MiB; the domains take 512 + 8 and 1024 + 8 MiB.
  loadManifest(bytes, 'test.yaml', [check(3072 - 40 - 1552)]);
  assert.throws(
    () => loadManifest(bytes, 'test.yaml', [check(3072 - 40 - 1551)]),
    (error: ManifestError) => {
      const [problem] = error.problems;
      assert.equal(
        problem?.message,
        'the domains need 1552MiB, and of 3GiB Xen and the boot domain leave about 1551MiB',
      );
      assert.equal(
        problem.hint,
        'give less: beside its memory each domain needs 8MiB, the boot domain has 1481MiB, Xen needs about 40MiB',
      );
      return true;
    },
  );
});

test('a machine that is too small for the boot domain has nothing for the others', () => {
  const bytes = Buffer.from(manifest(dom0));
  assert.throws(
    () =>
      loadManifest(bytes, 'test.yaml', [
        platformMemory({ platformKiB: 1024, bootDomainKiB: 786432 }),
      ]),
    /the domains need 520MiB, and of 1MiB Xen and the boot domain leave nothing/,
  );
});

test('the recovery domain must fit alone', () => {
  const rescue = guest({
    name: 'rescue',
    domid: '0',
    memory: '2GiB',
    seclabel: 'system_u:system_r:dom0_t',
    capabilities: '[control, hardware, xenstore]',
    recovery: 'true',
  });
  const bytes = Buffer.from(manifest(dom0 + rescue, 'platform:\n  on_failure: recovery\n'));
  const check = (platformMiB: number) =>
    platformMemory({ platformKiB: platformMiB * 1024, bootDomainKiB: 768 * 1024 });
  loadManifest(bytes, 'test.yaml', [check(2880)]);
  assert.throws(
    () => loadManifest(bytes, 'test.yaml', [check(2816)]),
    /domains\[1\]\.memory: the recovery domain needs 2056MiB, and of 2816MiB Xen and the boot domain leave about 2010MiB/,
  );
});
