import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { readMemory } from '../../../bindings/ffi/memory.ts';
import { joinMemory, MappedFile, takeFile } from '../../../bindings/mapped-files.ts';

const PAGE = 4096;

/** A file with random bytes in a tmpfs, as a boot image has them in its ramfs. */
async function inMemory(t: TestContext, bytes: Uint8Array, name = 'image'): Promise<string> {
  const directory = await mkdtemp('/dev/shm/domb-mapped-');
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

test('a file in memory is taken as it is, and nobody finds it any more', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 3 * PAGE + 10 }, (_, i) => i % 251));
  const path = await inMemory(t, bytes);
  const taken = takeFile(path);
  assert.ok(taken instanceof MappedFile);
  assert.ok(taken.view().equals(bytes));
  assert.ok(Buffer.concat([...taken.pieces()]).equals(bytes));
  assert.equal(existsSync(path), false);
  // Whoever writes a file of that name writes another one.
  writeFileSync(path, 'something else');
  assert.ok(taken.view().equals(bytes));
});

test('a file on a disk is read, and stays', (t) => {
  const path = join(import.meta.dirname, 'taken.tmp');
  t.after(() => rmSync(path));
  writeFileSync(path, 'on a disk');
  const taken = takeFile(path);
  writeFileSync(path, 'written to');
  assert.equal(taken.toString(), 'on a disk');
  assert.equal(readFileSync(path, 'latin1'), 'written to');
});

test('an empty file has no bytes; one that is missing is said to be', async (t) => {
  assert.equal(takeFile(await inMemory(t, Buffer.alloc(0))).length, 0);
  assert.throws(() => takeFile('/dev/shm/domb-no-such-file'), { code: 'ENOENT' });
});

test('segments stand one behind the other, each from a page on, with zeros between', async (t) => {
  const mapped = takeFile(await inMemory(t, Buffer.alloc(PAGE + 5, 'mapped')));
  const copied = Buffer.from('copied');
  const joined = joinMemory(2 * PAGE, [copied, mapped, copied]);
  t.after(() => joined.release());
  const expected = Buffer.alloc(5 * PAGE + copied.length);
  copied.copy(expected, 2 * PAGE);
  Buffer.alloc(PAGE + 5, 'mapped').copy(expected, 3 * PAGE);
  copied.copy(expected, 5 * PAGE);
  assert.equal(joined.length, expected.length);
  assert.ok(readMemory(joined.address, joined.length).equals(expected));
  const only = joinMemory(0, [mapped]);
  assert.equal(readMemory(only.address, 6).toString(), 'mapped');
  const alone = joinMemory(0, [copied]);
  assert.equal(readMemory(alone.address, alone.length).toString(), 'copied');
});

test('an image of 512 MiB takes no memory beside its file, hashed and with room in front', async (t) => {
  const size = 512 * 2 ** 20;
  const path = await inMemory(t, Buffer.alloc(size, 'image'));
  // A process of its own, whose memory is nobody else's.
  const program = `
    import { readFileSync } from 'node:fs';
    import { createHash } from 'node:crypto';
    import { joinMemory, takeFile } from ${JSON.stringify(join(import.meta.dirname, '../../../bindings/mapped-files.ts'))};
    const own = () => Number(/RssAnon:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024;
    joinMemory(4096, [Buffer.from('first')]).release();
    const before = own();
    const image = takeFile(${JSON.stringify(path)});
    const hash = createHash('sha256');
    for (const piece of image.pieces()) hash.update(piece);
    const digest = hash.digest('hex');
    const joined = joinMemory(1 << 20, [Buffer.from('segment'), image]);
    console.log(JSON.stringify({ grown: own() - before, digest, length: joined.length }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '--eval', program],
  ]);
  const { grown, digest, length } = JSON.parse(stdout);
  assert.equal(length, (1 << 20) + PAGE + size);
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.ok(grown < 16, `${grown.toFixed(1)} MiB`);
});
