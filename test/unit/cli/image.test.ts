import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { domb, file } from '../../lib/domb.ts';

const manifest = file('boot-configs/demo.yaml');

test('options that do not fit together are wrong usage', async () => {
  const base = ['image', manifest, '--images', '/i', '--output', '/o'];
  const cases: [string[], RegExp][] = [
    [['image', manifest], /image needs --images/],
    [['image', manifest, '--images', '/i'], /image needs --output/],
    [['image', '-', '--images', '/i', '-o', '/o'], /name it as a file/],
    [[...base, '--efi-key', 'k', '--efi-cert', 'c'], /--efi-key is for EFI files/],
    [[...base, '--xen-options', 'x'], /--xen-options is for EFI files/],
    [[...base, '--efi', '--efi-key', 'k'], /go together/],
    [[...base, '--efi', '--efi-cert', 'c'], /go together/],
  ];
  for (const [argv, expected] of cases) {
    const { status, error } = await domb(argv);
    assert.equal(status, 2, argv.join(' '));
    assert.match(error, expected);
  }
});

test('a manifest with mistakes, or without its images, is refused before anything is made', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'image-'));
  try {
    const output = ['--images', directory, '--output', join(directory, 'o')];
    const missing = await domb(['image', manifest, ...output]);
    assert.equal(missing.status, 1);
    assert.match(missing.error, /demo\.yaml:\d+:\d+: .*\n.*kernel: vmlinux/);
    const wrong = join(directory, 'wrong.yaml');
    await writeFile(wrong, 'version: 2\ndomians: []\n');
    const mistaken = await domb(['image', wrong, ...output]);
    assert.equal(mistaken.status, 1);
    assert.match(mistaken.error, /wrong\.yaml:2:1: .*domians/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an EFI file is checked against the options that it gives to Xen', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'image-'));
  try {
    const made = ['--images', directory, '--output', join(directory, 'o'), '--efi'];
    // Without images nothing is made in either case.
    const late = await domb(['image', file('boot-configs/late-hwdom.yaml'), ...made]);
    assert.match(
      late.error,
      /domid: the hardware domain has domid 5, but a Xen started with boot-domain gives that role to domain 0/,
    );
    const options = ['--xen-options', 'console=com1 gnttab_max_frames=4'];
    const demo = await domb(['image', manifest, ...made, ...options]);
    assert.equal(demo.status, 1);
    assert.doesNotMatch(demo.error, /Xen's options/);
    const limited = await domb([
      'image',
      file('boot-configs/driver-domain.yaml'),
      ...made,
      ...options,
    ]);
    assert.match(limited.error, /max_grant_frames: Xen gives a domain at most 4/);
  } finally {
    await rm(directory, { recursive: true });
  }
});
