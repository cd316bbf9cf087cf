import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { digest } from 'node-tpm2-pts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { pcrlockFile } from '../../../measurement/formats/json-records.ts';
import { listing } from '../../../measurement/formats/listing.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { predict, registerValues } from '../../../measurement/predict.ts';
import {
  eventsOf,
  evidenceOf,
  GUEST_ITEMS,
  GUEST_PCR,
  ITEMS,
  logOf,
  NONCE,
  TARGET,
} from '../../lib/evidence.ts';
import { imageItem } from '../../lib/items.ts';
import { TpmSimulator } from '../../lib/tpm-simulator.ts';
import { wrongIn } from '../../lib/verdict.ts';

const ALL: readonly MeasuredItem[] = [...ITEMS, ...GUEST_ITEMS];
const EXPECTED = { nonce: NONCE, pcr: TARGET.pcr, bootPcr: 12, items: ALL };

async function opened(t: TestContext, simulator = new TpmSimulator()) {
  const directory = await mkdtemp(join(tmpdir(), 'domb-registers-'));
  const log = await MeasurementLog.open({ tpm: simulator.tpm(), pcr: TARGET.pcr, directory });
  t.after(async () => {
    await log.close();
    await rm(directory, { recursive: true });
  });
  const held = (pcr: number) => simulator.pcrs.get('sha256')?.[pcr];
  return { simulator, log, held };
}

test('images of a domain go into the register that its event names, and each register counts for itself', async (t) => {
  const { log, held, simulator } = await opened(t);
  await log.openRegister(GUEST_PCR);
  for (const item of ALL) await log.measure(item);
  await log.cap();
  const { events, pcrs, capped } = readMeasurementLog(log.bytes());
  assert.deepEqual(pcrs, [13, 14]);
  assert.ok(capped && log.capped);
  assert.deepEqual(
    events.slice(ITEMS.length).map(({ event, sequence }) => `${event} ${sequence}`),
    ['domain 10', 'image 0', 'image 1', 'image 2', 'domain 11', 'image 3', 'image 4'],
  );
  const predicted = predict(ALL, { pcr: 13, banks: ['sha1', 'sha256'] });
  for (const pcr of [13, 14]) assert.deepEqual(held(pcr), predicted.pcrs.get('sha256')?.get(pcr));
  assert.deepEqual(predicted.events, parseEventLog(log.bytes()).events);
  assert.deepEqual(simulator.pcrs.get('sha256')?.[15], Buffer.alloc(32));
});

test('what a register holds depends on nothing that is in another one', () => {
  const value = (items: readonly MeasuredItem[], pcr: number) =>
    predict(items, TARGET).pcrs.get('sha256')?.get(pcr)?.toString('hex');
  const other = ALL.map((item) =>
    item.event === 'image' && item.domain === 'guest'
      ? imageItem('guest', item.component, Buffer.from('another'))
      : item,
  );
  assert.equal(value(other, 13), value(ALL, 13));
  assert.notEqual(value(other, 14), value(ALL, 14));
  assert.equal(value(ALL.slice(3), 14), value(ALL, 14));
  assert.notEqual(value(ALL.slice(3), 13), value(ALL, 13));
});

test('a register that was not opened, that was used or is not in all banks is refused', async (t) => {
  const { log, simulator } = await opened(t);
  const [domain] = GUEST_ITEMS as [MeasuredItem];
  await assert.rejects(log.measure(domain), /PCR 14 is measured into before it was opened/);
  const pcrs = simulator.pcrs.get('sha256') as Buffer[];
  pcrs[14] = digest('sha256', Buffer.from('GRUB'));
  await assert.rejects(log.openRegister(14), /PCR 14 was extended before us \(sha256\)/);
  pcrs[14] = Buffer.alloc(32);
  await log.openRegister(14);
  await log.measure(domain);
  await assert.rejects(log.openRegister(24), /PCR 24 is in the banks none, PCR 13 in sha1, sha256/);
});

test('every register is capped, also one that nothing went into, and nothing is measured between the caps', async (t) => {
  const { log, simulator, held } = await opened(t);
  await log.openRegister(14);
  await log.measure(GUEST_ITEMS[0] as MeasuredItem);
  let caps = 0;
  simulator.fault = () => (++caps === 2 ? 0x101 : undefined);
  await assert.rejects(log.cap());
  assert.ok(log.sealed && !log.capped);
  assert.equal(readMeasurementLog(log.bytes()).capped, false);
  await assert.rejects(log.measure(ITEMS[0] as MeasuredItem), /PCR 13 is capped/);
  await log.cap();
  assert.ok(log.capped);
  assert.equal(readMeasurementLog(log.bytes()).capped, true);
  await assert.rejects(log.cap(), /a second cap/);
  const values = registerValues(parseEventLog(log.bytes()).events, [13, 14], ['sha256']);
  for (const pcr of [13, 14]) assert.deepEqual(held(pcr), values.get('sha256')?.get(pcr));
});

test('a failed boot leaves no register that could still get a good value', async (t) => {
  const good = predict(ALL, { pcr: 13, banks: ['sha256'] }).pcrs.get('sha256');
  for (const measured of [0, 3, ALL.length]) {
    const { log, held } = await opened(t);
    await log.openRegister(14);
    for (const item of ALL.slice(0, measured)) await log.measure(item);
    await log.fail({ what: 'no such image' });
    for (const pcr of [13, 14]) {
      assert.notDeepEqual(held(pcr), Buffer.alloc(32), `PCR ${pcr} after ${measured} items`);
      assert.notDeepEqual(held(pcr), good?.get(pcr));
    }
    assert.deepEqual(readMeasurementLog(log.bytes()).events.at(-1)?.event, 'error');
  }
});

test('evidence of several registers is accepted, and what is unmeasured is named', () => {
  const evidence = evidenceOf(eventsOf(ALL));
  const verdict = verifyEvidence(evidence, EXPECTED);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(verdict.pcrs, [13, 14]);
  assert.ok(verdict.notes.includes('panel ramdisk: the manifest leaves it unmeasured'));
});

test('a quote without one of the registers, and a log without it, are refused without knowing what to expect', () => {
  const { items: _, ...expected } = EXPECTED;
  const problems = (evidence: Parameters<typeof verifyEvidence>[0]) =>
    wrongIn(verifyEvidence(evidence, expected)).join('\n');
  const truth = evidenceOf(eventsOf(ALL));
  assert.equal(problems(truth), '');
  const platformOnly = parseEventLog(truth.log).events.filter(({ pcr }) => pcr === 13);
  const hidden = evidenceOf(platformOnly);
  assert.match(problems({ ...truth, log: hidden.log }), /not replay to the quoted PCR 14/);
  // A boot in which the guests' images were really not measured.
  assert.match(problems(hidden), /the log has no cap/);
});

test('the listing says which register each event is in, and .pcrlock files have all of them', () => {
  const events = eventsOf(ALL);
  const lines = listing(readMeasurementLog(logOf(events))).split('\n');
  assert.match(lines[0] ?? '', /^ 0 {2}PCR 13 {2}manifest/);
  assert.match(lines[10] ?? '', /^10 {2}PCR 13 {2}domain .*guest: .*, images in PCR 14$/);
  assert.match(lines[11] ?? '', /^ 0 {2}PCR 14 {2}image +guest kernel/);
  assert.match(lines[14] ?? '', /^11 {2}PCR 13 .* images in PCR 14, NOT measured: ramdisk$/);
  assert.match(lines[17] ?? '', /^12 {2}PCR 13 {2}cap/);
  assert.match(lines[18] ?? '', /^ 5 {2}PCR 14 {2}cap/);
  assert.equal(lines[19], 'PCR 13 after 13 events');
  assert.equal(lines[23], 'PCR 14 after 6 events');
  const { records } = JSON.parse(pcrlockFile(events));
  assert.deepEqual(
    records.map(({ pcr }: { pcr: number }) => pcr),
    events.map(({ pcr }) => pcr),
  );
});
