import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sendFiles, sentFiles } from '../../../platform/machine/sent-files.ts';

const packed = (text: string) => ({ output: gzipSync(text).toString('base64'), status: 0 });

test('files come as they are, whatever they hold', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-sent-'));
  t.after(() => rm(directory, { recursive: true }));
  const files = new Map([
    ['a.log', randomBytes(70_000)],
    ['empty', Buffer.alloc(0)],
    ['lines.txt', Buffer.from('\n\n12 a\n')],
  ]);
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
  const { stdout, status } = spawnSync('sh', ['-c', sendFiles(directory)]);
  assert.deepEqual(sentFiles({ output: String(stdout), status: status ?? 1 }), files);
});

test('files that are not whole are none', () => {
  assert.throws(() => sentFiles(packed('4 a\n\nabc')), /sent 8 bytes, but its files have 9/);
  assert.throws(() => sentFiles(packed('4 a\n\nabcde')), /sent 10 bytes, but its files have 9/);
  assert.throws(() => sentFiles(packed('nothing')), /dom0 sent no files/);
  assert.throws(() => sentFiles({ output: 'sh: gzip: not found', status: 0 }), /gzip: not found/);
  assert.throws(
    () => sentFiles({ output: "can't cd", status: 2 }),
    /cannot send its files: can't cd/,
  );
});
