import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

test('what a manifest says of the processor is what guests find', async (t) => {
  const name = 'processors';
  const run = await boot(name, await exampleManifest(name), {
    parts: await parts(),
    awaited: [/guest careful: alive/, /guest nesting: alive/],
  });
  assert.deepEqual(failedChecks(run), []);
  const { consoleText } = run;
  /** What a guest said, in order. */
  const said = (guest: string): string[] =>
    [...consoleText.matchAll(new RegExp(`guest ${guest}: (.*)`, 'g'))].map(([, what = '']) => what);
  const flags = (guest: string) =>
    said(guest).find((line) => line.startsWith('of the flags')) ?? assert.fail(guest);

  await t.test('cpuid and nestedhvm: what is hidden is gone, what is passed on is there', () => {
    assert.equal(flags('careful'), 'of the flags pni,cx16,sse2 the CPU has: sse2');
    assert.match(flags('nesting'), /the CPU has: cx16 svm$/);
  });

  await t.test('msr_relaxed: a register that Xen does not know reads as 0, and else faults', () => {
    assert.ok(said('careful').includes('register 508 reads 0000000000000000'));
    assert.ok(said('nesting').includes('register 508 reads a fault'));
  });
});
