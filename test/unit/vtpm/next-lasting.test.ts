import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type LastingTpm, NextLasting } from '../../../vtpm/backend/next-lasting.ts';

/** A TPM in the making, with what became of it. */
class Made implements LastingTpm {
  readonly guest: string;
  lives = true;
  unwanted: boolean | Error = false;
  fails = false;
  readonly done: string[] = [];

  constructor(guest: string) {
    this.guest = guest;
  }

  readonly kept = {
    isUnwanted: async (since: number) => {
      if (this.unwanted instanceof Error) throw this.unwanted;
      return since === 7 && this.unwanted;
    },
    close: () => void this.done.push('closed'),
  };

  readonly blank = ((made) => ({
    get lives() {
      return made.lives;
    },
    test: async () => {
      made.done.push('tested');
      if (made.fails) throw new Error('the self-test gave 0x101');
    },
    become: () => assert.fail('nobody has it yet'),
    discard: async () => void made.done.push('discarded'),
  }))(this);
}

function making() {
  const made: Made[] = [];
  const idle: string[] = [];
  const next = new NextLasting(
    async (guest) => {
      const one = new Made(guest);
      made.push(one);
      return one;
    },
    () => 7,
    () => void idle.push('idle'),
  );
  return { made, next, idle };
}

test('what was prepared is given once, to its guest', async () => {
  const { made, next } = making();
  next.prepare('ledger');
  next.prepare('ledger');
  await turn();
  assert.equal(made.length, 1);
  const [other, first, second] = await Promise.all([
    next.take('signer'),
    next.take('ledger'),
    next.take('ledger'),
  ]);
  assert.equal(first, made[0]);
  assert.notEqual(second, first);
  assert.deepEqual(
    [other, second].map((one) => (one as Made).guest),
    ['signer', 'ledger'],
  );
});

test('one that nobody waits for is tested', async () => {
  const { made, next, idle } = making();
  next.prepare('ledger');
  await turn();
  assert.deepEqual(made[0]?.done, ['tested']);
  assert.deepEqual(idle, ['idle']);
});

test('whoever waits for one has it tested later', async () => {
  const { made, next, idle } = making();
  next.prepare('ledger');
  assert.equal(await next.take('ledger'), made[0]);
  await turn();
  assert.deepEqual(made[0]?.done, []);
  assert.deepEqual(idle, []);
});

test('nothing is left of one that has not passed its test', async () => {
  const made: Made[] = [];
  const next = new NextLasting(
    async (guest) => {
      const one = new Made(guest);
      one.fails = made.push(one) === 1;
      return one;
    },
    () => 7,
  );
  next.prepare('ledger');
  await turn();
  assert.deepEqual(made[0]?.done, ['tested', 'discarded']);
  const [failed] = made;
  assert.ok(failed);
  failed.lives = false;
  assert.equal(await next.take('ledger'), made[1]);
});

for (const [why, spoil] of [
  ['whose swtpm has ended', (one: Made) => (one.lives = false)],
  [
    'of which dom0 does not say what it wants',
    (one: Made) => (one.unwanted = new Error('dom0 is gone')),
  ],
  ['that dom0 wants to be made anew', (one: Made) => (one.unwanted = true)],
] as const) {
  test(`one ${why} is let go of before the next is made`, async () => {
    const { made, next } = making();
    next.prepare('ledger');
    await turn();
    const [spoiled] = made;
    assert.ok(spoiled);
    spoil(spoiled);
    const taken = await next.take('ledger');
    assert.equal(taken, made[1]);
    assert.deepEqual(spoiled.done, ['tested', 'discarded', 'closed']);
    assert.deepEqual(made[1]?.done, []);
  });
}

test('where one was not made it is tried again, and the guest told why', async () => {
  let times = 0;
  const next = new NextLasting(
    async (guest) => {
      times++;
      if (times < 3) throw new Error(`no memory, ${times}`);
      return new Made(guest);
    },
    () => 7,
  );
  next.prepare('ledger');
  await turn();
  await assert.rejects(next.take('ledger'), /no memory, 2/);
  assert.equal(((await next.take('ledger')) as Made).guest, 'ledger');
});
