import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digest, hashId } from 'node-tpm2-pts';
import { appendEvents } from '../../../measurement/event-log/merge.ts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { replay } from '../../../measurement/event-log/replay.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { jsonRecords, pcrlockFile } from '../../../measurement/formats/json-records.ts';
import { listing } from '../../../measurement/formats/listing.ts';
import { pcrValues } from '../../../measurement/predict.ts';
import { eventsOf, ITEMS, logOf, TARGET } from '../../lib/evidence.ts';

const EVENTS = eventsOf(ITEMS);

interface JsonRecord {
  pcr: number;
  digests: { hashAlg: string; digest: string }[];
  content_type?: string;
  content?: { event: string; sequence?: number };
}

/** The sha256 PCR value that a list of JSON records gives. */
function replayRecords(records: readonly JsonRecord[]): Buffer {
  return records.reduce<Buffer>((value, { digests }) => {
    const hex = digests.find(({ hashAlg }) => hashAlg === 'sha256')?.digest ?? '';
    return digest('sha256', value, Buffer.from(hex, 'hex'));
  }, Buffer.alloc(32));
}

test('JSON records: a text sequence that replays to the same value', () => {
  const [empty, ...texts] = jsonRecords(EVENTS).split('\x1e');
  assert.equal(empty, '');
  const records = texts.map((text): JsonRecord => JSON.parse(text));
  assert.deepEqual(replayRecords(records), pcrValues(EVENTS, TARGET).get('sha256'));
  for (const record of records) {
    assert.equal(record.pcr, 13);
    assert.deepEqual(
      record.digests.map(({ hashAlg }) => hashAlg),
      TARGET.banks,
    );
    assert.equal(record.content_type, 'domb');
  }
  assert.deepEqual(records[3]?.content, { ...ITEMS[3], sequence: 3 });
  assert.deepEqual(records.at(-1)?.content, { event: 'cap' });
});

test('a .pcrlock file has the digests and nothing else', () => {
  const { records } = JSON.parse(pcrlockFile(EVENTS));
  assert.deepEqual(replayRecords(records), pcrValues(EVENTS, TARGET).get('sha256'));
  assert.deepEqual(Object.keys(records[0]), ['pcr', 'digests']);
});

test('the listing shows each event on a line, and the values', () => {
  const hostile: MeasuredItem = { event: 'error', what: 'bad\x1b[2J\nname', phase: 'build' };
  const lines = listing(readMeasurementLog(logOf(eventsOf([...ITEMS, hostile])))).split('\n');
  assert.match(lines[0] ?? '', /^ 0 {2}manifest {7}11 bytes, sha256:09bfcc6a/);
  assert.match(lines[3] ?? '', /^ 3 {2}image {10}vtpm kernel, 14 bytes, sha256:[0-9a-f]{64}$/);
  assert.equal(
    lines[6],
    ' 6  domain         dom0: domid 0, pv, system_u:system_r:dom0_t, control hardware',
  );
  assert.equal(lines[10], '10  error          build: bad\\u001b[2J\\nname');
  assert.equal(lines[11], '11  cap            nothing follows');
  assert.equal(lines[12], 'PCR 13 after 12 events');
  const value = pcrValues(eventsOf([...ITEMS, hostile]), TARGET)
    .get('sha384')
    ?.toString('hex');
  assert.equal(lines[15], `  sha384  ${value}`);
  const open = listing(readMeasurementLog(logOf(eventsOf(ITEMS, { capped: false }))));
  assert.match(open, /not capped: measuring was not finished/);
});

test('our events behind the firmware log, whatever the order of its banks', () => {
  const firmwareEvent = {
    pcr: 4,
    type: 1,
    digests: new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, Buffer.from('x'))])),
    data: Buffer.from('firmware'),
  };
  const banks = TARGET.banks.toReversed();
  const digests = new Map([...firmwareEvent.digests].toReversed());
  const firmware = logOf([{ ...firmwareEvent, digests }], banks);
  const merged = parseEventLog(appendEvents(firmware, EVENTS));
  assert.equal(merged.events.length, EVENTS.length + 1);
  for (const bank of TARGET.banks) {
    const values = replay(merged.events, bank);
    assert.deepEqual(values.get(13), pcrValues(EVENTS, TARGET).get(bank));
    assert.equal(values.size, 2);
  }
  assert.throws(() => appendEvents(logOf([], ['sha256']), EVENTS), /does not declare/);
  const more = logOf([], [...TARGET.banks, 'sha512']);
  assert.throws(() => appendEvents(more, EVENTS), /has bank sha512/);
});
