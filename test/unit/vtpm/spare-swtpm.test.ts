import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpareSwtpm } from '../../../vtpm/backend/spare-swtpm.ts';
import type { Swtpm } from '../../../vtpm/backend/swtpm.ts';

class Process implements Pick<Swtpm, 'lives' | 'discard'> {
  lives = true;
  discarded = false;
  async discard() {
    this.discarded = true;
  }
}

function starting(fails: readonly number[] = []) {
  const started: Process[] = [];
  const spare = new SpareSwtpm(async () => {
    const process = new Process();
    started.push(process);
    if (fails.includes(started.length)) throw new Error('no memory');
    return process as unknown as Swtpm;
  });
  return { started, spare };
}

test('what was started before is given once', async () => {
  const { started, spare } = starting();
  spare.prepare();
  spare.prepare();
  assert.equal(started.length, 1);
  const [first, second] = await Promise.all([spare.take(), spare.take()]);
  assert.equal(first, started[0]);
  assert.equal(second, started[1]);
});

test('one that has ended is replaced, and nothing of it is left', async () => {
  const { started, spare } = starting();
  spare.prepare();
  const [ended] = started;
  assert.ok(ended);
  ended.lives = false;
  assert.equal(await spare.take(), started[1]);
  assert.ok(ended.discarded);
});

test('one that did not start is tried again by whoever needs it, who is told', async () => {
  const { started, spare } = starting([1, 2]);
  spare.prepare();
  await assert.rejects(spare.take(), /no memory/);
  assert.equal(started.length, 2);
});
