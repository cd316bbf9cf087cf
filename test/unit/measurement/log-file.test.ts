import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDirty, LogFile } from '../../../measurement/log-file.ts';

/** Limits the size of files that this process may write (util-linux); a write beyond it fails like a full disk. */
function limitFileSize(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
}

test('a full disk stops before the extend, and the log stays true', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-log-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'log');
  const log = LogFile.create(path, Buffer.from('header'));
  let extended = 0;
  const extend = async () => {
    extended++;
  };
  await log.commit(Buffer.from('first'), extend);
  try {
    limitFileSize(20);
    await assert.rejects(log.commit(Buffer.alloc(50, 'x'), extend), {
      name: 'MeasurementError',
      message: `${path}: cannot write the measurement log: EFBIG`,
      hint: /nothing was measured/,
    });
  } finally {
    limitFileSize('unlimited');
  }
  assert.equal(extended, 1);
  assert.equal(await readFile(path, 'utf8'), 'headerfirst');
  assert.equal(isDirty((await stat(path)).mode), false);
  await log.commit(Buffer.from('cap'), extend);
  assert.equal(await readFile(path, 'utf8'), 'headerfirstcap');
  assert.equal(log.bytes().toString(), 'headerfirstcap');
  log.close();
});

test('a record is on the disk, marked, when the extend begins, and nothing else is waited for', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-log-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'log');
  const log = LogFile.create(path, Buffer.from('header'));
  let turns = 0;
  setImmediate(() => turns++);
  const seen: unknown[] = [];
  await log.commit(Buffer.from('record'), async () => {
    seen.push(readFileSync(path, 'latin1'), isDirty(statSync(path).mode));
  });
  assert.deepEqual(seen, ['headerrecord', true]);
  assert.equal(isDirty(statSync(path).mode), false);
  // A trip through the thread pool would be a turn of the event loop.
  assert.equal(turns, 0);
  log.close();
});
