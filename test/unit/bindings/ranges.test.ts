import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rightsLeft } from '../../../bindings/hardware-access.ts';
import { common, excluding, merged } from '../../../bindings/ranges.ts';
import type { NumberRange } from '../../../domains/settings.ts';

const ranges = (...pairs: [first: number, last: number][]): NumberRange[] =>
  pairs.map(([first, last]) => ({ first, count: last - first + 1 }));

const MOST = 24;

/** Every set of numbers below {@link MOST} that one, two or three random ranges give. */
function* samples(): Generator<NumberRange[]> {
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48_271) % 0x7fff_ffff;
    return seed % below;
  };
  for (let round = 0; round < 300; round++) {
    yield Array.from({ length: next(4) }, () => {
      const first = next(MOST);
      return { first, count: next(MOST - first + 1) };
    });
  }
}

const numbersIn = (set: readonly NumberRange[]) =>
  new Set(set.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at)));

test('ranges are joined, cut and crossed as the sets of numbers that they stand for', () => {
  const all = [...samples()];
  for (const [at, one] of all.entries()) {
    const other = all[all.length - 1 - at] ?? [];
    const [a, b] = [numbersIn(one), numbersIn(other)];
    assert.deepEqual(numbersIn(merged(one)), new Set([...a].sort((x, y) => x - y)));
    assert.deepEqual(numbersIn(excluding(one, other)), new Set([...a].filter((x) => !b.has(x))));
    assert.deepEqual(numbersIn(common(one, other)), new Set([...a].filter((x) => b.has(x))));
    for (const result of [merged(one), excluding(one, other), common(one, other)]) {
      for (const [index, { first, count }] of result.entries()) {
        const next = result[index + 1];
        assert.ok(count > 0 && (next === undefined || next.first > first + count));
      }
    }
  }
});

test('what the boot domain has left when it gave up what it was told to', () => {
  const ports = ranges([0, 0x1f], [0x22, 0xffff]);
  assert.deepEqual(rightsLeft('ioports', ports, undefined), ports);
  assert.deepEqual(
    rightsLeft('ioports', ports, { without: ranges([0x60, 0x60]) }),
    ranges([0, 0x1f], [0x22, 0x5f], [0x61, 0xffff]),
  );
  assert.deepEqual(
    rightsLeft('ioports', ports, { only: ranges([0x10, 0x30]) }),
    ranges([0x10, 0x1f], [0x22, 0x30]),
  );
  // Only the lines of the ISA bus are chosen; those behind them stay.
  assert.deepEqual(
    rightsLeft('irqs', ranges([1, 23]), { only: ranges([8, 8]) }),
    ranges([8, 8], [16, 23]),
  );
});
