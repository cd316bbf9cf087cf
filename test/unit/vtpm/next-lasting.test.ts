import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type LastingTpm, NextLasting } from '../../../vtpm/backend/next-lasting.ts';
import type { BlankTpm } from '../../../vtpm/backend/software-tpm.ts';

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

  readonly blank = ((made: Made) => ({
    made,
    get lives() {
      return made.lives;
    },
    test: async () => {
      made.done.push('tested');
      if (made.fails) throw new Error('the self-test gave 0x101');
    },
    become: () => assert.fail('whoever starts it does that'),
    discard: async () => void made.done.push('discarded'),
  }))(this);
}

/** What a guest gets. */
interface Started {
  made: Made;
  stop(): Promise<void>;
}

/** Has `one` become a guest's TPM, which closes the state that it holds when it is stopped. */
function becomes(blank: BlankTpm): Promise<Started> {
  const made = (blank as unknown as { made: Made }).made;
  made.done.push('became');
  return Promise.resolve({
    made,
    stop: async () => {
      await made.blank.discard();
      made.kept.close();
    },
  });
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
    next.start('signer', becomes),
    next.start('ledger', becomes),
    next.start('ledger', becomes),
  ]);
  assert.equal(first.made, made[0]);
  assert.notEqual(second.made, first.made);
  assert.deepEqual(
    [other, second].map((one) => one.made.guest),
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
  assert.equal((await next.start('ledger', becomes)).made, made[0]);
  await turn();
  assert.deepEqual(made[0]?.done, ['became']);
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
  assert.equal((await next.start('ledger', becomes)).made, made[1]);
});

for (const [why, spoil, became] of [
  ['whose swtpm has ended', (one: Made) => (one.lives = false), []],
  [
    'of which dom0 does not say what it wants',
    (one: Made) => (one.unwanted = new Error('dom0 is gone')),
    // dom0 is asked meanwhile, and the guest has not got it yet.
    ['became'],
  ],
  ['that dom0 wants to be made anew', (one: Made) => (one.unwanted = true), ['became']],
] as const) {
  test(`one ${why} is let go of before the next is made`, async () => {
    const { made, next } = making();
    next.prepare('ledger');
    await turn();
    const [spoiled] = made;
    assert.ok(spoiled);
    spoil(spoiled);
    const taken = await next.start('ledger', becomes);
    assert.equal(taken.made, made[1]);
    assert.deepEqual(spoiled.done, ['tested', ...became, 'discarded', 'closed']);
    assert.deepEqual(made[1]?.done, ['became']);
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
  await assert.rejects(next.start('ledger', becomes), /no memory, 2/);
  assert.equal((await next.start('ledger', becomes)).made.guest, 'ledger');
});

test('one that does not become a TPM holds its state no longer', async () => {
  const { made, next } = making();
  const fails = () => Promise.reject(new Error('swtpm ended'));
  next.prepare('ledger');
  await assert.rejects(next.start('ledger', fails), /swtpm ended/);
  assert.deepEqual(made[0]?.done, ['closed']);
  await assert.rejects(next.start('ledger', fails), /swtpm ended/);
  assert.deepEqual(made[1]?.done, ['closed']);
});
