import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from '../../../boot-configs/suggest.ts';

test('the edit distance counts insertions, deletions, substitutions and swaps', () => {
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kernel', 'kernal'), 1);
  assert.equal(editDistance('ramdsik', 'ramdisk'), 1);
  assert.equal(editDistance('mem', 'memory'), 3);
  assert.equal(editDistance('same', 'same'), 0);
});

test('the nearest candidate is found when one is near', () => {
  const keys = ['name', 'domid', 'memory', 'kernel', 'on_failure'];
  assert.equal(nearest('Memroy', keys), 'memory');
  assert.equal(nearest('on_failure', keys), 'on_failure');
  assert.equal(nearest('names', keys), 'name');
  assert.equal(nearest('weight', keys), undefined);
  assert.equal(nearest('', keys), undefined);
  assert.equal(nearest('x'.repeat(10_000), keys), undefined);
});
