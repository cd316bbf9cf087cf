import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { checkedManifest } from '../../../platform/demo/checked-manifest.ts';
import { placeImages } from '../../../platform/demo/image-directory.ts';
import { ownImageNames } from '../../../platform/demo/parts.ts';

const root = join(import.meta.dirname, '../../..');
const machine = { memoryMiB: 3072, cpus: 2, firmware: false };
let own: readonly string[];
let scratch: string;
before(async () => {
  own = await ownImageNames();
  scratch = await mkdtemp(join(tmpdir(), 'demo-images-'));
});
after(() => rm(scratch, { recursive: true }));

/** The demo's manifest with changes, as a file. */
async function written(name: string, ...changes: [string, string][]): Promise<string> {
  let text = await readFile(join(root, 'boot-configs/demo.yaml'), 'utf8');
  for (const [from, to] of changes) {
    assert.ok(text.includes(from));
    text = text.replaceAll(from, to);
  }
  const file = join(scratch, name);
  await writeFile(file, text);
  return file;
}

const problems = async (file: string, images?: string, size = machine) => {
  const error = await checkedManifest(file, { images, ...size }, own).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return [];
  assert.ok(error instanceof ManifestError, String(error));
  return error.problems.map(
    ({ line, path, message, hint }) => `${line} ${path}: ${message} (${hint})`,
  );
};

test("the demo's own images are known before they are built", async () => {
  assert.deepEqual(await problems(await written('demo.yaml')), []);
});

test('an image that nobody has is a mistake with a place, with and without a directory', async () => {
  const file = await written('wrong.yaml', ['vtpm.cpio.zst', 'vtmp.cpio.zst']);
  const [without = ''] = await problems(file);
  assert.match(without, /^\d+ domains\[0\]\.ramdisk: the demo has no image of this name/);
  assert.match(without, /did you mean vtpm\.cpio\.zst\?.*--images/);
  const [within = '', ...more] = await problems(file, scratch);
  assert.match(within, /there is no such file in .*, and the demo has no image of this name/);
  assert.deepEqual(more, []);
});

test('what is to be proven needs a dom0 that has the command', async () => {
  const firmware = { ...machine, firmware: true };
  const [problem, ...more] = await problems(await written('demo.yaml'), undefined, firmware);
  assert.match(
    problem ?? '',
    /^\d+ domains\[1\]\.ramdisk: with --firmware, .*\(write \[dom0\.cpio/,
  );
  assert.deepEqual(more, []);
  const own = join(root, 'boot-configs/firmware.yaml');
  assert.deepEqual(await problems(own, undefined, firmware), []);
});

test('an image in the directory is looked into, and comes before one of the same name', async () => {
  const directory = join(scratch, 'mine');
  await mkdir(directory);
  await writeFile(join(directory, 'vmlinux'), 'no kernel');
  const found = await problems(await written('kernel.yaml'), directory);
  assert.equal(found.length, 2);
  assert.match(found[0] ?? '', /domains\[0\]\.kernel: the kernel is not an ELF file/);
});

test('what the machine does not have is found as well', async () => {
  const file = await written('size.yaml', ['vcpus: 1\n', 'vcpus: 1\n    cpus: 3\n']);
  const small = await problems(file, undefined, { memoryMiB: 1024, cpus: 2, firmware: false });
  assert.match(small.join('\n'), /the domains need/);
  assert.match(small.join('\n'), /the platform has no CPU 3/);
  assert.deepEqual(
    await problems(file, undefined, { memoryMiB: 4096, cpus: 4, firmware: false }),
    [],
  );
});

test('a manifest or directory that is not there is said in a line', async () => {
  await assert.rejects(checkedManifest('/nowhere.yaml', { images: undefined, ...machine }, own), {
    message: "/nowhere.yaml: the manifest can't be read (ENOENT)",
  });
  const images = join(scratch, 'nowhere');
  await assert.rejects(
    checkedManifest(await written('demo.yaml'), { images, ...machine }, own),
    /there is no such directory/,
  );
});

test('the images are placed under their names, without copies of what an operator has', async () => {
  const mine = join(scratch, 'mine.img');
  await writeFile(mine, 'mine');
  const directory = join(scratch, 'placed');
  await mkdir(directory);
  await writeFile(join(directory, 'stale'), '');
  await placeImages(directory, new Map([['sub/folder/mine.img', mine]]));
  const placed = join(directory, 'sub/folder/mine.img');
  assert.equal(await readFile(placed, 'utf8'), 'mine');
  assert.equal((await stat(placed)).ino, (await stat(mine)).ino);
  await assert.rejects(stat(join(directory, 'stale')));
});
