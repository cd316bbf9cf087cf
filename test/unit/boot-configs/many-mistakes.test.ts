import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dom0, guest, manifest, refused } from './support.ts';

/** Domains with six mistakes each, on six lines: three for the schema, three for the rules. */
function wrong(count: number): string {
  const domains = Array.from({ length: count }, (_, index) =>
    guest({
      name: 'twin',
      domid: String(index + 1),
      memory: '8MiB',
      vcpus: 'many',
      after: '[nobody]',
      colour: 'red',
      size: 'large',
    }),
  );
  return manifest(dom0 + guest({ name: 'twin', domid: '999' }) + domains.join(''));
}

test('of 600 mistakes the first 100 of the file are shown, in its order, whatever finds them', () => {
  const { problems, more } = refused(wrong(100));
  assert.equal(problems.length, 100);
  assert.equal(more, true);
  const lines = problems.map(({ line }) => line);
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  );
  // A domain has ten lines; the mistakes are on the 1st, 4th and on the last four of them.
  const first = 16;
  const expected = Array.from({ length: 17 }, (_, domain) =>
    [0, 3, 6, 7, 8, 9].map((line) => first + domain * 10 + line),
  ).flat();
  assert.deepEqual(lines, expected.slice(0, 100));
  const rules = new Set(problems.map(({ rule }) => rule));
  assert.deepEqual(
    [...rules].sort(),
    ['after-unknown', 'duplicate-name', 'memory-size', 'unknown-key', 'wrong-type'].sort(),
  );
});

test('a long hint that comes again is shown once; each problem has it all the same', () => {
  const { message, problems } = refused(wrong(5));
  const hint = problems.find(({ path }) => path.endsWith('.colour'))?.hint ?? '';
  assert.match(hint, /^remove it; known here are name, domid, /);
  assert.equal(problems.filter((problem) => problem.hint === hint).length, 10);
  assert.equal(message.split(hint).length, 2);
  assert.equal(message.split('hint: the same as for line 24').length, 10);
});

test('many mistakes cost little', () => {
  const started = process.cpuUsage();
  const keys = Array.from({ length: 12_000 }, (_, index) => `    ${'k'.repeat(56)}${index}: 1`);
  assert.equal(refused(`${manifest(dom0)}${keys.join('\n')}\n`).problems.length, 100);
  assert.equal(refused(wrong(900)).problems.length, 100);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 4_000_000, `${user + system} us`);
});
