import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../../../platform/machine/console.ts';

function spoken(...lines: string[]): Console {
  const console = new Console();
  for (const line of lines) console.write(`${line}\n`);
  return console;
}

test('a line that was printed before is found, and one that comes later, whole', async () => {
  const console = spoken('one', 'two');
  assert.equal((await console.waitFor(/^two$/, 1000)).text, 'two');
  const later = console.waitFor(/^three is whole$/, 1000);
  console.write('three is');
  console.write(' whole\r\n');
  assert.equal((await later).text, 'three is whole');
});

test('a wait that fails says which line was awaited, why it ended, and what came last', async () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const console = spoken(...lines);
  await assert.rejects(console.waitFor(/dom0: userspace is up/, 20), (error: Error) => {
    const [first, ...last] = error.message.split('\n');
    assert.equal(
      first,
      'console: 0.02 s passed; awaited was /dom0: userspace is up/. The console said last:',
    );
    assert.deepEqual(
      last.map((line) => line.replace(/^ {2}\| +[\d.]+ /, '')),
      lines.slice(5),
    );
    return true;
  });
});

test('a machine that ends fails every wait', async () => {
  const console = spoken();
  const waiting = console.waitFor(/never/, 1000);
  console.end();
  await assert.rejects(waiting, /the machine ended; awaited was \/never\/.*\n {2}\| nothing$/);
  await assert.rejects(console.waitFor(/never/, 1000), /the machine ended/);
});

test('a line that rules the awaited one out ends the wait, with what explains it', async () => {
  const console = spoken();
  const waiting = console.waitFor(/up/, 60_000, /panic/);
  console.write('panic\nbecause of this\n');
  await assert.rejects(waiting, /console: panic; awaited was \/up\/[\s\S]*because of this/);
});
