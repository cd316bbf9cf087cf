import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { pcrValues, predict } from '../../../measurement/predict.ts';
import { failFileCalls } from '../../lib/faulty-files.ts';
import { manifestItem } from '../../lib/items.ts';
import { type Fault, TpmSimulator } from '../../lib/tpm-simulator.ts';

const ITEMS: readonly MeasuredItem[] = [
  { event: 'daemon', version: '1' },
  manifestItem(Buffer.from('version: 1\n')),
  { event: 'configuration', configuration: {} },
];
const banks = ['sha1', 'sha256'] as const;
const what = 'phase "build" failed';

async function fresh(t: TestContext) {
  const simulator = new TpmSimulator(banks);
  const directory = await mkdtemp(join(tmpdir(), 'domb-failed-'));
  const log = await MeasurementLog.open({ tpm: simulator.tpm(), pcr: 13, directory });
  t.after(async () => {
    await log.close();
    await rm(directory, { recursive: true });
  });
  return { simulator, log };
}

const held = (simulator: TpmSimulator) =>
  banks.map((bank) => simulator.pcrs.get(bank)?.[13]?.toString('hex'));

/** All values that the register has on the way to that of a good boot. */
const goodValues = new Set(
  [...ITEMS, 'cap'].flatMap((_, count) =>
    [true, false].flatMap((capped) =>
      [...predict(ITEMS.slice(0, count), { pcr: 13, banks }, { capped }).pcrs.values()].map(
        (values) => values.get(13)?.toString('hex'),
      ),
    ),
  ),
);

function assertSpoiled(simulator: TpmSimulator): void {
  for (const value of held(simulator)) assert.ok(value && !goodValues.has(value), value);
}

/** Measures all and caps; what fails ends in {@link MeasurementLog.fail}, as in a boot. */
async function boot(log: MeasurementLog): Promise<'good' | 'logged' | 'unlogged'> {
  try {
    for (const item of ITEMS) await log.measure(item);
    await log.cap();
    return 'good';
  } catch (error) {
    return log.fail({ what: (error as Error).message });
  }
}

test('a boot that fails beside measuring ends its log with error and cap', async (t) => {
  const { simulator, log } = await fresh(t);
  await log.measure(ITEMS[0] as MeasuredItem);
  assert.equal(log.intact, true);
  assert.equal(await log.fail({ what }), 'logged');
  assert.deepEqual(
    log.events.map(({ item }) => (item === 'cap' ? item : item.event)),
    ['daemon', 'error', 'cap'],
  );
  const { events } = parseEventLog(log.bytes());
  assert.deepEqual(
    held(simulator),
    [...pcrValues(events, log.target).values()].map((value) => value.toString('hex')),
  );
  assert.equal(log.intact, true);
  const before = held(simulator);
  assert.equal(await log.fail({ what }), 'logged');
  assert.deepEqual(held(simulator), before, 'a second call does nothing');
});

test('a boot that fails after the good cap loses its good value', async (t) => {
  const { simulator, log } = await fresh(t);
  assert.equal(await boot(log), 'good');
  assert.equal(log.capped, true);
  assert.equal(await log.fail({ what }), 'unlogged');
  assertSpoiled(simulator);
  assert.equal(log.events.at(-1)?.item, 'cap', 'the log stays what it was');
});

test('without details only the cap is made, once', async (t) => {
  const { simulator, log } = await fresh(t);
  assert.equal(await log.fail(), 'logged');
  assert.deepEqual(
    log.events.map(({ item }) => item),
    ['cap'],
  );
  const other = await fresh(t);
  await other.log.cap();
  assert.equal(await other.log.fail(), 'logged');
  assert.deepEqual(held(other.simulator), held(simulator));
});

test('whichever write to the log fails, once or from then on, the register is spoiled', async (t) => {
  const outcomes = new Set<string>();
  let total = 0;
  // The first round finds out how many calls a good boot makes.
  for (let at = 0; at <= total; at++) {
    for (const forGood of [false, true]) {
      const { simulator, log } = await fresh(t);
      const restore = failFileCalls(t, (_, count) => {
        if (at === 0) total = count;
        return at > 0 && (forGood ? count >= at : count === at);
      });
      const outcome = await boot(log);
      restore();
      outcomes.add(outcome);
      assert.equal(outcome === 'good', at === 0);
      assert.equal(log.intact, at === 0);
      if (at > 0) assertSpoiled(simulator);
    }
  }
  assert.deepEqual([...outcomes].sort(), ['good', 'logged', 'unlogged']);
});

test('whichever command to the TPM fails, the register is spoiled', async (t) => {
  const faults: Fault[] = [0x101, 'lost command', 'lost response'];
  for (const fault of faults) {
    for (let at = 1; at <= ITEMS.length + 1; at++) {
      const { simulator, log } = await fresh(t);
      let extended = 0;
      simulator.fault = (command) =>
        command === 'PCR_Extend' && ++extended === at ? fault : undefined;
      assert.equal(await boot(log), fault === 0x101 ? 'logged' : 'unlogged');
      assert.equal(log.intact, false);
      assertSpoiled(simulator);
    }
  }
});

test('a TPM that takes nothing more is said to be one', async (t) => {
  const { simulator, log } = await fresh(t);
  simulator.fault = () => 'lost command';
  await assert.rejects(log.fail({ what }), {
    name: 'MeasurementError',
    message: /PCR 13 cannot be capped: .*connection lost/,
  });
});
