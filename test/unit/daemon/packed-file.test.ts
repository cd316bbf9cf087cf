import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { linuxMachine } from '../../../daemon/run/linux-machine.ts';
import { takePackedFile } from '../../../daemon/run/packed-file.ts';
import { compress } from '../../../platform/images/compress.ts';

async function packedFile(t: TestContext, bytes: Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-packed-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'image');
  writeFileSync(path, bytes);
  return path;
}

for (const size of [1, 255, 256, 65_791, 65_792, 3_000_001]) {
  test(`an image of ${size} bytes is what was packed, in one piece, and its file is gone`, async (t) => {
    const bytes = Buffer.concat([Buffer.alloc(Math.ceil(size / 2), 'zeros'), randomBytes(size)]);
    const image = bytes.subarray(0, size);
    const path = await packedFile(t, compress(image, 'fast'));
    const taken = takePackedFile(path);
    assert.ok(taken.equals(image));
    assert.ok(taken.buffer.byteLength <= Math.max(size + 1, 65_536), 'it was written once');
    assert.equal(existsSync(path), false);
  });
}

test('what is damaged, or does not say how long it is, is no image', async (t) => {
  const image = randomBytes(1000);
  const packed = compress(image, 'fast');
  const short = packed.subarray(0, packed.length - 10);
  for (const bytes of [Buffer.alloc(20), short]) {
    const path = await packedFile(t, bytes);
    assert.throws(() => takePackedFile(path));
    assert.equal(existsSync(path), false);
  }
  const unsized = zstdCompressSync(image, {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  const path = await packedFile(t, unsized);
  assert.throws(() => takePackedFile(path), /does not say how long/);
});

test('what is no image is taken as it is', async (t) => {
  const path = await packedFile(t, Buffer.from('a policy'));
  assert.equal(linuxMachine.takeFile(path).toString(), 'a policy');
  assert.throws(() => linuxMachine.takeFile('/images/none'), /no such file in the boot image/);
});
