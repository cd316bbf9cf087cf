import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepRequest } from '../../../introduction/pending-request.ts';

/** Where a guest may be with its first request when something else happens. */
const moments = ['before', 'when it is introduced', 'after'] as const;
type Moment = (typeof moments)[number];

const BODY = Buffer.from('domid\0');
const header = () => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(2, 0);
  bytes.writeUInt32LE(BODY.length, 12);
  return bytes;
};
const WHOLE = BigInt(16 + BODY.length);

/** A ring whose guest does a step of its writing each time that somebody sleeps, as from `moment` on. */
function guestRing(moment: Moment, stepsBefore: number) {
  const memory = Buffer.alloc(1024);
  let produced = 0n;
  const writes = [header(), BODY].map((part) => () => {
    part.copy(memory, Number(produced));
    produced += BigInt(part.length);
  });
  const step = () => writes.shift()?.();
  if (moment === 'before') for (let i = 0; i < stepsBefore; i++) step();
  return {
    step,
    ring: {
      get: () => produced,
      set: (_: string, value: number | bigint) => {
        produced = BigInt(value);
      },
      header: () => Buffer.from(memory.subarray(0, 16)),
    },
    /** What xenstored does with it. */
    introduce: () => {
      if (moment === 'when it is introduced') while (writes.length > 0) step();
      produced = 0n;
    },
    produced: () => produced,
  };
}

test('what a kernel asks before, when or after it is introduced stands in its ring then', () => {
  for (const moment of moments) {
    for (const stepsBefore of moment === 'before' ? [1, 2] : [0]) {
      const { ring, introduce, step, produced } = guestRing(moment, stepsBefore);
      // While it begins to write, somebody looks again.
      keepRequest(ring, introduce, moment === 'before' ? step : () => {});
      // It writes what is left.
      for (let i = 0; i < 2; i++) step();
      assert.equal(produced(), WHOLE, `${moment}, ${stepsBefore}`);
    }
  }
});

test('a request that is being written when the ring is looked at afterwards is left alone', () => {
  const { ring, introduce, step, produced } = guestRing('after', 0);
  let looks = 0;
  const seeing = {
    ...ring,
    header: () => {
      // The header is there, and the kernel has not said so yet.
      if (looks++ === 0) return header();
      return ring.header();
    },
  };
  keepRequest(seeing, introduce, () => {
    step();
    step();
  });
  assert.equal(produced(), WHOLE);
});

test('a domain that asks nothing finds its ring empty; one that lies hurts itself alone', () => {
  const { ring, introduce, produced } = guestRing('after', 0);
  keepRequest(ring, introduce, () => {});
  assert.equal(produced(), 0n);
  const lies = Buffer.alloc(16, 0xff);
  keepRequest({ ...ring, header: () => lies }, introduce, () => {});
  assert.equal(produced(), 1024n);
  // It writes without end.
  let index = 1n;
  const restless = { ...ring, get: () => index++ };
  keepRequest(
    restless,
    () => {},
    () => {},
  );
});
