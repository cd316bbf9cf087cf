import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpus, fuzzOnce } from '../../fuzz/manifest-fuzzer.ts';
import { Random } from '../../fuzz/random.ts';

test('3000 mutated and random texts are accepted or refused, and nothing else', () => {
  const examples = corpus();
  let accepted = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    try {
      accepted += fuzzOnce(examples, new Random(seed)).accepted ? 1 : 0;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  // A mutator that breaks everything, or nothing, would test little.
  assert.ok(accepted > 50 && accepted < 1500, `${accepted} accepted`);
});
