import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { BlankTpm } from '../../../vtpm/backend/software-tpm.ts';
import { TpmStock } from '../../../vtpm/backend/stock.ts';

/** Takes one, and does nothing with it. */
const taken = async (blank: BlankTpm) => blank;

class FakeBlank implements BlankTpm {
  lives = true;
  discarded = false;
  test = () => assert.fail('it was tested when it was made');
  become = () => assert.fail('nobody has it');
  async discard() {
    this.discarded = true;
  }
}

/** What can begin has begun. */
async function begun(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await turn();
}

/** A stock whose TPMs are made when it is said. */
function stocked(patience?: number) {
  const waiting: { resolve: (blank: BlankTpm) => void; reject: (why: Error) => void }[] = [];
  const stock = new TpmStock(
    () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
    patience === undefined ? {} : { patience },
  );
  /** Ends the making of the next one. */
  const made = async (blank: BlankTpm | Error) => {
    await begun();
    const next = waiting.shift() ?? assert.fail('none is in the making');
    if (blank instanceof Error) next.reject(blank);
    else next.resolve(blank);
    await begun();
  };
  return { stock, made, making: () => waiting.length };
}

test('they are made one after the other, and taken in this order', async () => {
  const { stock, made, making } = stocked();
  stock.fill(2);
  await begun();
  assert.equal(making(), 1);
  const [first, second] = [new FakeBlank(), new FakeBlank()];
  await made(first);
  assert.equal(making(), 1);
  const both = [stock.use(taken), stock.use(taken)];
  await made(second);
  assert.deepEqual(await Promise.all(both), [first, second]);
});

test('who comes when none is left has one made, and so many are made as are missing', async () => {
  const { stock, made, making } = stocked();
  const one = stock.use(taken);
  const blank = new FakeBlank();
  await made(blank);
  assert.equal(await one, blank);
  stock.fill(1);
  stock.fill(1);
  await made(new FakeBlank());
  assert.equal(making(), 0);
});

test('one that could not be made, or has ended since, is passed over', async () => {
  const { stock, made } = stocked();
  stock.fill(3);
  const [ended, good] = [new FakeBlank(), new FakeBlank()];
  await made(new Error('no memory'));
  await made(ended);
  await made(good);
  ended.lives = false;
  assert.equal(await stock.use(taken), good);
  assert.ok(ended.discarded);
});

test('why none can be made is told to who wants one', async () => {
  const { stock, made } = stocked();
  const one = stock.use(taken);
  const told = assert.rejects(one, /no memory/);
  await made(new Error('no memory'));
  await told;
});

test('while somebody uses one, no other is begun', async () => {
  const { stock, made, making } = stocked();
  stock.fill(2);
  let end = (_: string) => {};
  const use = stock.use(
    () =>
      new Promise<string>((resolve) => {
        end = resolve;
      }),
  );
  await made(new FakeBlank());
  assert.equal(making(), 0);
  end('done');
  assert.equal(await use, 'done');
  await made(new FakeBlank());
});

test('many that come when none is left are served in their order, one after the other', async () => {
  const { stock, made, making } = stocked();
  const uses = [1, 2, 3].map(() => stock.use(taken));
  const blanks = [1, 2, 3].map(() => new FakeBlank());
  for (const [at, blank] of blanks.entries()) {
    await begun();
    assert.equal(making(), 1);
    await made(blank);
    assert.equal(await uses[at], blank);
  }
});

test('one that comes to a stop keeps the next one waiting for a while only', async () => {
  const { stock, making } = stocked(20);
  void stock.use(taken);
  void stock.use(taken);
  await begun();
  assert.equal(making(), 1);
  await sleep(100);
  assert.equal(making(), 2);
});
