import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../../measurement/canonical-json.ts';

test('keys are sorted, nothing is optional, everything is ASCII', () => {
  assert.equal(
    canonicalJson({ b: [1, null, true], a: { z: -5, Z: 'ü\n"\\\x7f', '10': 1, '9': undefined } }),
    '{"a":{"10":1,"Z":"\\u00fc\\n\\"\\\\\\u007f","z":-5},"b":[1,null,true]}',
  );
  assert.equal(canonicalJson('\u{1f600}'), '"\\ud83d\\ude00"');
});

test('the order in which an object was made does not matter', () => {
  assert.equal(canonicalJson({ x: 1, y: 2 }), canonicalJson({ y: 2, x: 1 }));
});

test('what JSON cannot hold exactly is refused with its place', () => {
  const cases: [unknown, RegExp][] = [
    [{ a: [0.5] }, /^\$\.a\[0\]: 0\.5 is no safe integer$/],
    [2 ** 53, /no safe integer/],
    [Number.NaN, /no safe integer/],
    [-0, /no safe integer/],
    [[undefined], /undefined is not JSON/],
    [{ f: () => 1 }, /\$\.f: function is not JSON/],
    [1n, /bigint/],
    [new Date(0), /an object of a class/],
  ];
  for (const [value, message] of cases) {
    assert.throws(() => canonicalJson(value), { name: 'TypeError', message });
  }
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = [deep];
  assert.throws(() => canonicalJson(deep), /nested deeper than 64/);
});
