import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digest, hashId } from 'node-tpm2-pts';
import { encodeEvent, encodeHeader } from '../../../measurement/event-log/write.ts';
import {
  claimsSecureBoot,
  compareFirmwareLog,
} from '../../../measurement/evidence/firmware-log.ts';
import { firmwareOf, flipped, foreignFirmware } from '../../lib/firmware-logs.ts';

const MACHINES = [
  'arch-workstation',
  'bootorder',
  'cos-101',
  'rhel8',
  'startup-locality-and-sp800-155',
  'ubuntu-24.04-sev-snp',
];

const { events, banks, log, pcrs } = foreignFirmware('cos-101');

for (const name of MACHINES) {
  test(`the log of ${name} is true, and that of every other machine is not`, () => {
    const machine = foreignFirmware(name);
    const { problems, events: seen, unquoted } = compareFirmwareLog(machine.log, machine.pcrs);
    assert.deepEqual(problems, []);
    assert.deepEqual(seen, machine.events);
    assert.deepEqual(unquoted, []);
    for (const other of MACHINES.filter((each) => each !== name)) {
      const judged = compareFirmwareLog(foreignFirmware(other).log, machine.pcrs);
      assert.notDeepEqual(judged.problems, [], other);
      assert.deepEqual(judged.events, []);
    }
  });
}

test('every bit that was extended is missed in the register and bank that it belongs to', () => {
  const header = encodeHeader(banks).length;
  let at = header;
  let missed = 0;
  for (const event of events) {
    at += 12;
    for (const [id, value] of event.digests) {
      at += 2;
      const judged = compareFirmwareLog(flipped(log, 8 * at + (at % 8)), pcrs);
      if (event.type !== 3) {
        const bank = [...pcrs.keys()].find((name) => hashId(name) === id);
        const says = `firmware.log does not replay to the quoted PCR ${event.pcr} in bank ${bank}`;
        assert.ok(judged.problems.includes(says), judged.problems.join());
        missed++;
      }
      at += value.length;
    }
    at += 4 + event.data.length;
  }
  assert.ok(missed > 50, `${missed}`);
});

test('events that are left out, added, exchanged or moved are missed', () => {
  const judged = (changed: typeof events) =>
    compareFirmwareLog(firmwareOf(changed, banks).log, pcrs);
  const extended = events.filter(({ type }) => type !== 3);
  const [first, second] = extended.filter(({ pcr }) => pcr === 7);
  assert.ok(first && second);
  const cases = [
    extended.slice(1),
    extended.slice(0, -1),
    [...extended, first],
    extended.map((event) => (event === first ? second : event === second ? first : event)),
    extended.map((event) => (event === first ? { ...first, pcr: 6 } : event)),
  ];
  for (const changed of cases) assert.notDeepEqual(judged(changed).problems, []);
  assert.deepEqual(judged(extended).problems, []);
});

test('what is no such log is named', () => {
  const logs = join(import.meta.dirname, '../../logs');
  const event = events[5] as (typeof events)[number];
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /firmware\.log is no event log: /],
    [Buffer.alloc(4096), /no event log/],
    [Buffer.from('rubbish '.repeat(99)), /no event log|damaged/],
    [log.subarray(0, -1), /firmware\.log is damaged: event log: at byte \d+/],
    [Buffer.concat([log, Buffer.alloc(64)]), /64 bytes at its end are no event/],
    [Buffer.concat([log, Buffer.alloc(64, 0xff)]), /64 bytes at its end are no event/],
    [readFileSync(join(logs, 'ccel-tdx.bin')), /confidential virtual machine/],
    [readFileSync(join(logs, 'debian-10-sha1-format.bin')), /SHA-1 format/],
    [firmwareOf([...events, { ...event, pcr: 99 }], banks).log, /PCR 99, which no TPM has/],
    [firmwareOf([], banks).log, /does not replay to the quoted PCR 0/],
  ];
  for (const [bytes, message] of cases) {
    assert.match(compareFirmwareLog(bytes, pcrs).problems.join('\n'), message);
  }
});

test('registers of other logs do not belong in it; others cannot be compared, and are named', () => {
  const more = [...events, { ...(events[5] as (typeof events)[number]), pcr: 13 }];
  const bytes = firmwareOf(more, banks).log;
  const quoted = new Map(
    [...pcrs].map(([bank, values]) => [bank, new Map([...values, [13, Buffer.alloc(1)]])]),
  );
  assert.deepEqual(compareFirmwareLog(bytes, quoted).problems, [
    'firmware.log has events in PCR 13, which belong into another log',
  ]);
  assert.deepEqual(compareFirmwareLog(bytes, pcrs).problems, []);
  assert.deepEqual(compareFirmwareLog(bytes, pcrs).unquoted, [13]);
});

test('each quoted bank counts, unless firmware knows nothing of it', () => {
  const sha512 = (fill: number) =>
    new Map([...pcrs, ['sha512' as const, new Map([[0, Buffer.alloc(64, fill)]])]]);
  assert.deepEqual(compareFirmwareLog(log, sha512(0)).problems, []);
  assert.deepEqual(compareFirmwareLog(log, sha512(1)).problems, [
    'firmware.log has no sha512 digests, the quoted PCR 0 has',
  ]);
  const sha1 = new Map([['sha1' as const, pcrs.get('sha1') ?? new Map()]]);
  assert.match(compareFirmwareLog(log, sha1).problems.join(), /anything quoted beyond SHA-1/);
  const few = new Map([['sha256' as const, new Map([...(pcrs.get('sha256') ?? [])].slice(0, 4))]]);
  assert.match(
    compareFirmwareLog(log, few).problems.join(),
    /PCR 4, which bank sha256 of the quote/,
  );
  const lacking = events.map((event, i) =>
    i === 9 ? { ...event, digests: new Map([...event.digests].slice(0, 1)) } : event,
  );
  const bytes = Buffer.concat([encodeHeader(banks), ...lacking.map(encodeEvent)]);
  assert.match(
    compareFirmwareLog(bytes, pcrs).problems.join(),
    /firmware\.log is damaged: bank sha256: event 10 \(PCR \d\) has no sha256 digest/,
  );
});

test('Secure Boot is claimed by what was extended, not by what the log says of it', () => {
  assert.equal(claimsSecureBoot(events), true);
  assert.equal(claimsSecureBoot(foreignFirmware('bootorder').events), false);
  assert.equal(claimsSecureBoot(foreignFirmware('sd-boot').events), undefined);
  const says = events.find(({ data }) => data.includes(Buffer.from('SecureBoot', 'utf16le')));
  assert.ok(says);
  const off = flipped(says.data, 8 * (says.data.length - 1));
  // Data and type are free for who sends the log; the digest is not.
  const hidden = events.map((event) =>
    event === says ? { ...event, type: 0x6, data: off } : event,
  );
  const { log: bytes } = firmwareOf(hidden, banks);
  assert.deepEqual(compareFirmwareLog(bytes, pcrs).problems, []);
  assert.equal(claimsSecureBoot(hidden), true);
  const sha256 = new Map([[hashId('sha256'), digest('sha256', says.data)]]);
  const elsewhere = events.map((event) =>
    event === says ? { ...event, pcr: 6, digests: sha256 } : event,
  );
  assert.equal(claimsSecureBoot(elsewhere), undefined);
});

test('a megabyte of hostile events is judged in no time', () => {
  const many = Array.from({ length: 8000 }, () => events[5] as (typeof events)[number]);
  const start = process.threadCpuUsage();
  assert.notDeepEqual(compareFirmwareLog(firmwareOf(many, banks).log, pcrs).problems, []);
  assert.ok(process.threadCpuUsage(start).user < 2_000_000);
});
