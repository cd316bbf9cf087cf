import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TpmError, TpmTransportError } from 'node-tpm2-pts';
import { parseEventLog, parseTagged } from '../../../measurement/event-log/parse.ts';
import { EVENT_TAGS, type MeasuredItem } from '../../../measurement/events.ts';
import { isDirty } from '../../../measurement/log-file.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { pcrValues, predict } from '../../../measurement/predict.ts';
import { imageItem, manifestItem } from '../../lib/items.ts';
import { TpmSimulator } from '../../lib/tpm-simulator.ts';

const ITEM = manifestItem(Buffer.from('version: 1\n'));

async function fresh(t: TestContext, simulator = new TpmSimulator()) {
  const directory = await mkdtemp(join(tmpdir(), 'domb-log-'));
  const options = { tpm: simulator.tpm(), pcr: 13, directory };
  const log = await MeasurementLog.open(options);
  t.after(async () => {
    await log.close();
    await rm(directory, { recursive: true });
  });
  return { simulator, log, options, path: join(directory, 'measurement.log') };
}

/** True when the log file replays to what the simulated TPM holds. */
async function replays(path: string, simulator: TpmSimulator): Promise<boolean> {
  const banks = [...simulator.pcrs.keys()];
  const values = pcrValues(parseEventLog(await readFile(path)).events, { pcr: 13, banks });
  return banks.every((bank) => simulator.pcrs.get(bank)?.[13]?.equals(values.get(bank) as Buffer));
}

test('every event goes into all banks with one command, and the log replays to the PCR', async (t) => {
  const { simulator, log, path } = await fresh(t);
  await log.measure(ITEM);
  await log.measure(imageItem('dom0', 'kernel', Buffer.from('kernel')));
  await log.cap();
  assert.equal(simulator.received.filter((name) => name === 'PCR_Extend').length, 3);
  assert.ok(await replays(path, simulator));
  assert.deepEqual(log.bytes(), await readFile(path));
  assert.equal(isDirty((await stat(path)).mode), false);
});

test('an event is its canonical description under its tag, numbered', async (t) => {
  const { log } = await fresh(t);
  await log.measure(ITEM);
  await log.error({ what: 'no such image: /images/ü', domain: 'dom0' });
  const events = parseEventLog(log.bytes()).events.map(({ data }) => parseTagged(data));
  assert.deepEqual(
    events.map(({ tag }) => tag),
    [EVENT_TAGS.manifest, EVENT_TAGS.error],
  );
  assert.equal(
    events[0]?.content.toString(),
    '{"digests":{"sha256":"09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847"},"event":"manifest","sequence":0,"size":11}',
  );
  assert.equal(
    events[1]?.content.toString(),
    '{"domain":"dom0","event":"error","sequence":1,"what":"no such image: /images/\\u00fc"}',
  );
});

test('the example in the documentation is what is written', async (t) => {
  const { simulator, log } = await fresh(t);
  await log.measure(ITEM);
  const [event] = parseEventLog(log.bytes()).events;
  const page = await readFile(new URL('../../../docs/measurement-log.md', import.meta.url), 'utf8');
  const head = event?.data
    .subarray(0, 8)
    .toString('hex')
    .replace(/..(?!$)/g, '$& ');
  const lines = [
    head,
    event?.data.subarray(8).toString(),
    event?.digests.get(0x0b)?.toString('hex'),
    value(simulator)?.toString('hex'),
  ];
  for (const line of lines) assert.ok(page.includes(`    ${line}\n`), `documented: ${line}`);
});

test('what is predicted is what is measured', async (t) => {
  const { simulator, log } = await fresh(t);
  const items: MeasuredItem[] = [ITEM, { event: 'configuration', configuration: { b: 1, a: [] } }];
  for (const item of items) await log.measure(item);
  const target = log.target;
  assert.deepEqual(
    predict(items, target, { capped: false }).pcrs.get('sha256')?.get(13),
    value(simulator),
  );
  await log.cap();
  const { events, pcrs } = predict(items, target);
  assert.deepEqual(pcrs.get('sha256')?.get(13), value(simulator));
  assert.deepEqual(events, parseEventLog(log.bytes()).events);
  const reversed = predict(items.toReversed(), target).pcrs.get('sha256')?.get(13);
  assert.notDeepEqual(reversed, value(simulator));
});

const value = (simulator: TpmSimulator) => simulator.pcrs.get('sha256')?.[13];

test('nothing is measured after the cap', async (t) => {
  const { simulator, log } = await fresh(t);
  await log.cap();
  const capped = value(simulator);
  for (const late of [log.measure(ITEM), log.error({ what: 'late' }), log.cap()]) {
    await assert.rejects(late, { name: 'MeasurementError', message: /PCR 13 is capped/ });
  }
  assert.deepEqual(value(simulator), capped);
  assert.equal(parseEventLog(log.bytes()).events.length, 1);
  assert.equal(log.events.at(-1)?.item, 'cap');
});

test('calls that overlap keep their order', async (t) => {
  const { simulator, log, path } = await fresh(t);
  await Promise.all([log.measure(ITEM), log.measure(ITEM), log.cap()]);
  assert.deepEqual(
    log.events.map(({ item }) => (item === 'cap' ? item : item.sequence)),
    [0, 1, 'cap'],
  );
  assert.ok(await replays(path, simulator));
});

test('a TPM that refuses leaves the log true, and measuring can go on', async (t) => {
  const { simulator, log, path } = await fresh(t);
  await log.measure(ITEM);
  simulator.fault = () => 0x101;
  await assert.rejects(log.measure(ITEM), TpmError);
  assert.ok(await replays(path, simulator));
  assert.equal(isDirty((await stat(path)).mode), false);
  simulator.fault = () => undefined;
  await log.cap();
  assert.deepEqual(
    log.events.map(({ item }) => (item === 'cap' ? item : item.sequence)),
    [0, 'cap'],
  );
  assert.ok(await replays(path, simulator));
});

test('when nobody knows whether the TPM extended, the log stays dirty and measuring ends', async (t) => {
  for (const fault of ['lost command', 'lost response'] as const) {
    const { simulator, log, path } = await fresh(t);
    simulator.fault = () => fault;
    await assert.rejects(log.measure(ITEM), TpmTransportError);
    assert.equal(isDirty((await stat(path)).mode), true);
    simulator.fault = () => undefined;
    simulator.received.length = 0;
    await assert.rejects(log.measure(ITEM), /the log is incomplete since an earlier failure/);
    await assert.rejects(log.cap(), /the log is incomplete/);
    assert.deepEqual(simulator.received, [], 'the TPM is left alone');
  }
});

test('the record is on disk, under the dirty mark, before the TPM extends', async (t) => {
  const { simulator, log, path } = await fresh(t);
  const seen: unknown[] = [];
  const transmit = simulator.transmit.bind(simulator);
  simulator.transmit = async (command) => {
    const events = parseEventLog(await readFile(path)).events.length;
    seen.push({ events, dirty: isDirty((await stat(path)).mode) });
    return transmit(command);
  };
  await log.measure(ITEM);
  assert.deepEqual(seen, [{ events: 1, dirty: true }]);
});

test('a log that exists is refused, a dirty one by that name', async (t) => {
  const { options, path } = await fresh(t);
  await assert.rejects(MeasurementLog.open(options), /exists: another writer runs/);
  await chmod(path, 0o1600);
  await assert.rejects(MeasurementLog.open(options), /found dirty: its writer stopped/);
});

test('a log that cannot be made stops before the TPM is touched', async () => {
  const simulator = new TpmSimulator();
  const options = { tpm: simulator.tpm(), pcr: 13, directory: '/nonexistent' };
  await assert.rejects(MeasurementLog.open(options), {
    name: 'MeasurementError',
    message: /cannot write the measurement log: ENOENT/,
  });
  assert.ok(!simulator.received.includes('PCR_Extend'));
});

test('a PCR in no active bank is refused', async () => {
  const options = { tpm: new TpmSimulator([]).tpm(), pcr: 13, directory: tmpdir() };
  await assert.rejects(MeasurementLog.open(options), /PCR 13 exists in no active bank/);
});
