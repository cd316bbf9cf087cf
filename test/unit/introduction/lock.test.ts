import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { alone } from '../../../introduction/lock.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lock-'));
});
after(() => rm(scratch, { recursive: true }));

const soon = { limit: 5000, interval: 2 };

test('one introduction waits for the other', async () => {
  const file = join(scratch, 'lock');
  const done: string[] = [];
  const job = (name: string) => async () => {
    done.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    done.push(`${name} ends`);
  };
  await Promise.all([alone(job('one'), file, soon), alone(job('two'), file, soon)]);
  assert.deepEqual(done, ['one begins', 'one ends', 'two begins', 'two ends']);
});

test('one that fails lets the next one go on, and one that was killed as well', async () => {
  const file = join(scratch, 'failed');
  await assert.rejects(
    alone(async () => assert.fail('no'), file, soon),
    /no/,
  );
  const module = join(import.meta.dirname, '../../../introduction/lock.ts');
  const program = `
    const { alone } = await import(${JSON.stringify(module)});
    await alone(() => { console.log('locked'); return new Promise((r) => setTimeout(r, 60000)); }, ${JSON.stringify(file)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await assert.rejects(
    alone(async () => {}, file, { limit: 20, interval: 5 }),
    (error) => error instanceof IntroductionError && error.message.includes(file),
  );
  child.kill('SIGKILL');
  assert.equal(await alone(async () => 'mine', file, soon), 'mine');
});

test('a link in the place of the lock is not followed', async () => {
  const file = join(scratch, 'link');
  await writeFile(join(scratch, 'victim'), 'x');
  await symlink(join(scratch, 'victim'), file);
  await assert.rejects(
    alone(async () => {}, file, soon),
    /ELOOP/,
  );
});
