import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPhysicalMemory } from '../../../daemon/run/physical-memory.ts';

test('words are read where they are, however often, until it is closed', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-memory-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'mem');
  const bytes = Buffer.alloc(3 * 4096);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(0xff00_0000 + at, at);
  writeFileSync(path, bytes);
  const memory = openPhysicalMemory(path);
  for (const address of [0, 4, 4092, 4096, 8188, 12_284, 4]) {
    assert.equal(memory.word(address), 0xff00_0000 + address);
  }
  memory.close();
  assert.throws(() => openPhysicalMemory(join(directory, 'none')), { code: 'ENOENT' });
});
