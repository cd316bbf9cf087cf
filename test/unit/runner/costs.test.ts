import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { costed, costTable, RUN_DIRECTORY, readCosts } from '../../runner/costs.ts';

test('what each boot cost is told, most costly file first, and what the kinds took', () => {
  const costs = [
    { boot: 'one', file: 'test/boot/a.test.ts', test: 'the first', seconds: 30 },
    { boot: 'two', file: 'test/boot/b.test.ts', test: '', seconds: 100.04 },
    { boot: 'three', file: 'test/boot/a.test.ts', test: 'the last', seconds: 31.5 },
  ];
  const parts = [
    { part: 'unit', seconds: 60 },
    { part: 'boot', seconds: 120 },
  ];
  assert.equal(
    costTable(costs, parts),
    `# What each boot cost, in seconds
   100.0  test/boot/b.test.ts: 1 boot
   100.0    two
    61.5  test/boot/a.test.ts: 2 boots
    30.0    one  the first
    31.5    three  the last

# What the run took, in seconds
    60.0  unit
   120.0  boot
   180.0  in all, with 3 boots`,
  );
  assert.equal(costTable([], [{ part: 'unit', seconds: 1 }]).includes('each boot'), false);
});

test('a boot that fails has its cost told, too', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-costs-'));
  const before = process.env[RUN_DIRECTORY];
  process.env[RUN_DIRECTORY] = directory;
  t.after(async () => {
    if (before === undefined) delete process.env[RUN_DIRECTORY];
    else process.env[RUN_DIRECTORY] = before;
    await rm(directory, { recursive: true });
  });
  assert.deepEqual(await readCosts(directory), []);
  const of = { boot: 'broken', file: 'test/boot/a.test.ts', test: 'a test' };
  await assert.rejects(
    costed(of, () => Promise.reject(new Error('no boot'))),
    /no boot/,
  );
  const [cost] = await readCosts(directory);
  assert.deepEqual({ ...cost, seconds: 0 }, { ...of, seconds: 0 });
});
