import { test } from 'node:test';
import { Random } from '../../fuzz/random.ts';
import { fuzzRecord, fuzzRing, fuzzStore } from '../../fuzz/vtpm-fuzzer.ts';
import { backendRing } from '../../lib/backend-ring.ts';

const runs = 400;

test('a ring with anything in it', async () => {
  const ring = await backendRing();
  for (let seed = 0; seed < 10 * runs; seed++) fuzzRing(new Random(seed), ring);
});

test('xenstore with anything in it, while domains come and go', async () => {
  for (let seed = 0; seed < runs; seed++) await fuzzStore(new Random(seed));
});

test('a record with anything in it', () => {
  for (let seed = 0; seed < 10 * runs; seed++) fuzzRecord(new Random(seed));
});
