import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');
const module = (path: string) => JSON.stringify(join(root, path));

/** A process with a thread in a call that never returns, as the back end has two; then it runs `last`. */
async function ended(last: string) {
  const program = `
    const { openLibrary } = await import(${module('bindings/ffi/library.ts')});
    const { endProcess } = await import(${module('vtpm/backend/end.ts')});
    const pause = { args: {}, result: 'i32', fails: 'negative', slow: true };
    openLibrary('libc.so.6', { pause }).pause({});
    const say = (text) => require('node:fs').writeSync(1, text.split('\\n')[0] + '\\n');
    setTimeout(() => { ${last} }, 100);
    console.log('waits');`;
  const require = `import { createRequire } from 'node:module'; const require = createRequire('/');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${require}${program}`]);
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  await once(child.stdout, 'data');
  const late = setTimeout(() => child.kill('SIGUSR2'), 30_000);
  const [, signal] = await once(child, 'close');
  clearTimeout(late);
  return { signal, said: said.split('\n').slice(1, -1), errors };
}

test('the back end ends though threads of its wait for good, when all was said and guests were told', async () => {
  const { signal, said, errors } = await ended(
    `endProcess(new Error('xenstore is gone'), { say, close: () => say('closed') });`,
  );
  assert.deepEqual(said, ['FAILED: Error: xenstore is gone', 'closed'], errors);
  assert.equal(signal, 'SIGKILL');
});

test('so it does where the guests cannot be told', async () => {
  const { signal, said, errors } = await ended(
    `endProcess(new Error('no'), { say, close: () => { throw new Error('EIO'); } });`,
  );
  assert.deepEqual(said, ['FAILED: Error: no', 'guests are not told: EIO'], errors);
  assert.equal(signal, 'SIGKILL');
});

test('and where xenstore does not answer', async () => {
  const { signal } = await ended(
    `endProcess(new Error('no'), { say, patience: 1, close: () => { for (;;); } });`,
  );
  assert.equal(signal, 'SIGALRM');
});
