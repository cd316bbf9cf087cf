import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { imageFiles } from '../../../boot-configs/checks/image-files.ts';
import type { ByteSource } from '../../../boot-configs/images/byte-source.ts';
import { inspectRamdisk, ramdiskSpan } from '../../../boot-configs/images/ramdisk.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { cpio } from '../../../initramfs/cpio.ts';
import { elf, pvNotes } from './elf-builder.ts';
import { dom0, guest, manifest } from './support.ts';

function source(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

const verdict = (bytes: Buffer, linux = true) => inspectRamdisk(source(bytes), linux)?.message;

const archive = cpio([
  { path: 'etc', type: 'directory' },
  { path: 'etc/motd', type: 'file', mode: 0o644, data: Buffer.from('hello') },
  { path: 'init', type: 'file', mode: 0o755, data: Buffer.alloc(3000, 'x') },
]);
const noise = Buffer.from(
  Array.from({ length: 300_000 }, (_, index) => (Math.imul(index, 2654435761) >>> 13) & 0xff),
);

/** What the tools make of one text, in base64; Node has gzip and zstd itself. */
const samples = {
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ABLADJdADCICmcTlgJTNn0t9wLKOrggEWumDfu6L1pOjeZUAfG0OKIQZdLTMEFjo0o7SCwz7gAAAAAAwswTdXpNZNEAAU5MG9oWMR+2830BAAAAAARZWg==',
  'xz with another check':
    '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4ABLADJdADCICmcTlgJTNn0t9wLKOrggEWumDfu6L1pOjeZUAfG0OKIQZdLTMEFjo0o7SCwz7gAAAAAAvs9ZQwABSkwfH3pVkEKZDQEAAAAAAVla',
  lz4: 'AiFMGDcAAAD/HWEgc21hbGwgdGV4dCB0aGF0IGlzIGNvbXByZXNzZWQsIGFuZCBhZ2FpbjogLAAIUHNzZWQK',
  lzo: 'iUxaTwANChoKEEAgoAlAAQUDAAANAACBpGsK+uUAAAAAADuWBOkAAABMAAAAShrpG0YAGmEgc21hbGwgdGV4dCB0aGF0IGlzIGNvbXByZXNzZWQsIGFuZCBhZ2FpbjogKqwAAAIgdGhhdCBpcyBjb21wcmVzc2VkChEAAAAAAAA=',
  bzip2:
    'QlpoOTFBWSZTWbMQniIAAAjZgAAQQAQAEC7n3EAgAFQlQ0AaDQEqekNJo9TBD0VNnCx6MVze6jI2BGHXhw7IQnIGKmxkYU6RJlTBQ8ICHxdyRThQkLMQniI=',
};

const whole: Record<string, Buffer> = {
  cpio: archive,
  gzip: gzipSync(noise),
  zstd: zstdCompressSync(noise),
  ...Object.fromEntries(
    Object.entries(samples).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
  ),
};

for (const [name, bytes] of Object.entries(whole)) {
  test(`a whole ramdisk is accepted, a cut one is called that: ${name}`, () => {
    assert.equal(verdict(bytes), undefined);
    // The end of an archive is filled up to a multiple of 512 bytes, which Linux does not need.
    const end = name === 'cpio' ? bytes.lastIndexOf('TRAILER!!!') + 10 : bytes.length;
    for (const length of [end - 1, end - 5, Math.ceil(end / 2), 20, 7]) {
      assert.match(
        String(verdict(bytes.subarray(0, length))),
        /^the ramdisk is cut off: /,
        `${length}`,
      );
    }
  });
}

test('archives and compressed data may follow one another, with zeros between them', () => {
  const zeros = Buffer.alloc(4);
  for (const [name, bytes] of Object.entries(whole)) {
    assert.equal(verdict(Buffer.concat([archive, zeros, bytes])), undefined, name);
  }
  const zstd = whole.zstd ?? assert.fail();
  assert.equal(verdict(Buffer.concat([zstd, Buffer.alloc(3), zstd, zeros])), undefined);
  assert.equal(
    verdict(Buffer.concat([archive, zstd.subarray(0, 1000)])),
    'the ramdisk is cut off: it ends inside a zstd frame',
  );
});

test('what is wrong inside of an archive is said with its place', () => {
  const at = archive.indexOf('etc/motd');
  const changed = Buffer.from(archive);
  changed.write('zzzzzzzz', at - 110 + 54);
  assert.equal(
    verdict(changed),
    `the ramdisk is damaged: no file of the archive begins at byte ${at - 110}, behind etc`,
  );
  assert.equal(
    verdict(archive.subarray(0, archive.indexOf('init') + 100)),
    'the ramdisk is cut off: it ends inside the file init',
  );
  assert.equal(
    verdict(archive.subarray(0, archive.indexOf('TRAILER!!!') - 110)),
    'the ramdisk is cut off: it ends inside the archive, behind init',
  );
  assert.equal(
    verdict(Buffer.concat([archive, Buffer.from('junk')])),
    `the ramdisk is damaged: no archive begins at byte ${archive.length}`,
  );
  assert.equal(
    verdict(Buffer.concat([Buffer.alloc(2), archive])),
    'the ramdisk is damaged: an archive begins at byte 2, no multiple of 4',
  );
  const gzip = Buffer.from(whole.gzip ?? assert.fail());
  gzip.fill(0xff, 5000, 6000);
  assert.equal(verdict(gzip), 'the ramdisk is damaged: its gzip data cannot be unpacked');
});

test('other files are called by their names', () => {
  const tar = Buffer.alloc(512);
  tar.write('init');
  tar.write('ustar', 257);
  const bzImage = Buffer.alloc(0x300);
  bzImage.write('HdrS', 0x202);
  bzImage[0] = 1;
  for (const [bytes, message] of [
    [Buffer.alloc(0), 'the ramdisk is empty'],
    [Buffer.alloc(5000), 'the ramdisk is nothing but zeros'],
    [Buffer.from('# settings\nName: ä\n'), 'the ramdisk is a text'],
    [Buffer.from('x'), 'the ramdisk is a text'],
    [elf({}), 'the ramdisk is an ELF file'],
    [bzImage, 'the ramdisk is a kernel (bzImage)'],
    [Buffer.from('070707000000'), 'the ramdisk is a cpio archive in the old format'],
    [
      Buffer.from('04224d186440', 'hex'),
      'the ramdisk is compressed with lz4 as Linux does not know it',
    ],
    [tar, 'the ramdisk is a tar archive'],
  ] as const) {
    assert.equal(verdict(bytes), message);
  }
});

test('what only Linux can not use is left to other kernels, and a file system to any', () => {
  const unknown = Buffer.from('0102030405', 'hex');
  assert.equal(verdict(unknown), 'the ramdisk is nothing that Linux unpacks');
  assert.equal(verdict(unknown, false), undefined);
  const ext2 = Buffer.alloc(4096, 1);
  ext2.writeUInt16BE(0x53ef, 1080);
  assert.equal(verdict(ext2), undefined);
});

test('a ramdisk takes what it has, one with gzip what it is unpacked', () => {
  assert.equal(ramdiskSpan(source(archive)), archive.length);
  assert.equal(ramdiskSpan(source(gzipSync(Buffer.alloc(1_000_000)))), 1_000_000);
  assert.equal(ramdiskSpan(source(Buffer.from('1f8b', 'hex'))), 2);
});

const directory = mkdtempSync(join(tmpdir(), 'domb-ramdisks-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
writeFileSync(join(directory, 'guest.cpio.zst'), 'not yet');
writeFileSync(join(directory, 'cut'), elf({ notes: pvNotes }).subarray(0, 180));
writeFileSync(join(directory, 'half'), elf({ notes: pvNotes }).subarray(0, 20));
writeFileSync(join(directory, 'i386'), Buffer.from('7f454c46010101', 'hex'));
writeFileSync(join(directory, 'note'), 'a note\n');
mkdirSync(join(directory, 'guests'));
writeFileSync(join(directory, 'guests/disk.cpio'), archive);

function found(domains: string): [string, string, string][] {
  try {
    loadManifest(Buffer.from(manifest(dom0 + domains)), 'test.yaml', [imageFiles(directory)]);
    return [];
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return error.problems.map(({ line, col, message, hint }) => [`${line}:${col}`, message, hint]);
  }
}

test('ramdisks and kernels that are no such things are reported with what to do', () => {
  assert.deepEqual(
    found(
      guest({ ramdisk: 'guest.cpio.zst' }) +
        guest({ name: 'b', domid: '2', kernel: 'cut' }) +
        guest({ name: 'c', domid: '3', kernel: 'i386' }) +
        guest({ name: 'd', domid: '4', kernel: 'note' }) +
        guest({ name: 'e', domid: '5', kernel: 'half' }),
    ),
    [
      ['16:14', 'the ramdisk is a text', 'give a cpio archive (cpio -H newc), compressed or not'],
      [
        '21:13',
        'the kernel is cut off: it has 180 bytes, and its notes would end at 248',
        'copy it again, or make it again',
      ],
      ['27:13', 'the kernel is a 32-bit ELF file', 'give a 64-bit x86 kernel (vmlinux)'],
      [
        '33:13',
        'the kernel is not an ELF file that Xen can load but a text',
        'give an uncompressed 64-bit ELF kernel (vmlinux)',
      ],
      [
        '39:13',
        'the kernel is cut off: it has 20 bytes, and its header would end at 64',
        'copy it again, or make it again',
      ],
    ],
  );
});

test('an image that is nearly called like a file is taken for it in the hint', () => {
  const look = `look for it in ${directory}, or name another directory with --images`;
  const hints = (path: string) => found(guest({ ramdisk: path })).map(([, , hint]) => hint);
  for (const [path, meant] of [
    ['gest.cpio.zst', 'guest.cpio.zst'],
    ['guest.cpio.xz', 'guest.cpio.zst'],
    ['guests/disc.cpio', 'guests/disk.cpio'],
    ['disk.cpio', 'guests/disk.cpio'],
    ['guest/disk.cpio', 'guests/disk.cpio'],
    ['images/vmlinux', 'vmlinux'],
  ] as const) {
    assert.deepEqual(hints(path), [`did you mean "${meant}"? otherwise ${look}`], path);
  }
  assert.deepEqual(hints('something-else'), [look]);
});
