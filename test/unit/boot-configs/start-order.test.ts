import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOrder } from '../../../boot-configs/start-order.ts';

/** `a<b,c` is a domain a that starts after b and c. */
function order(text: string): { order: string; cycles: string[] } {
  const domains = text.split(' ').map((item) => {
    const [name = '', after = ''] = item.split('<');
    return { name, after: after === '' ? [] : after.split(',') };
  });
  const result = startOrder(domains);
  return {
    order: result.order.map((domain) => domain.name).join(' '),
    cycles: result.cycles.map((cycle) => cycle.join(' ')),
  };
}

test('without wishes the order is that of the file', () => {
  assert.deepEqual(order('c a b'), { order: 'c a b', cycles: [] });
});

test('a domain moves behind those it names, and no further than it must', () => {
  assert.equal(order('a<c b c d').order, 'b c a d');
  assert.equal(order('a<d b<a c d').order, 'c d a b');
  assert.equal(order('dom0<vtpm vtpm guest<dom0').order, 'vtpm dom0 guest');
});

test('a name that nobody bears, or that stands twice, changes nothing', () => {
  assert.equal(order('a<x b').order, 'a b');
  assert.equal(order('a<b,b b').order, 'b a');
});

test('cycles are found, each once, and what waits for them is not started', () => {
  assert.deepEqual(order('a<a b'), { order: 'b', cycles: ['a'] });
  assert.deepEqual(order('a<b b<c c<a d<a e'), { order: 'e', cycles: ['a b c'] });
  assert.deepEqual(order('a<b b<a c<d d<c'), { order: '', cycles: ['a b', 'c d'] });
});

test('a chain of 1000 domains against the order of the file is put right', () => {
  const chain = Array.from({ length: 1000 }, (_, index) => `d${index}<d${index + 1}`).join(' ');
  assert.equal(order(chain).order.split(' ')[0], 'd999');
  assert.equal(order(chain).order.split(' ').at(-1), 'd0');
});
