import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { EventLogError, type LogEvent } from '../../../measurement/event-log/format.ts';
import { parseEventLog, parseTagged } from '../../../measurement/event-log/parse.ts';
import { replay } from '../../../measurement/event-log/replay.ts';
import { encodeEvent, encodeHeader, encodeTagged } from '../../../measurement/event-log/write.ts';

const sha256 = (...parts: Uint8Array[]) =>
  createHash('sha256').update(Buffer.concat(parts)).digest();

function event(pcr: number, type: number, data: Buffer, digest = sha256(data)): LogEvent {
  return { pcr, type, digests: new Map([[0x0b, digest]]), data };
}

const EVENTS = [event(13, 6, encodeTagged(1, Buffer.from('{}'))), event(13, 4, Buffer.alloc(4))];
const LOG = Buffer.concat([encodeHeader(['sha256']), ...EVENTS.map(encodeEvent)]);

test('the header is laid out as the firmware profile says', () => {
  assert.equal(
    encodeHeader(['sha1', 'sha256']).toString('hex'),
    [
      ['00000000', '03000000', '00'.repeat(20), '25000000'],
      '53706563204944204576656e74303300', // "Spec ID Event03\0"
      ['00000000', '00', '02', '69', '02'],
      ['02000000', '0400', '1400', '0b00', '2000'],
      '00',
    ]
      .flat()
      .join(''),
  );
});

test('what is written is parsed', () => {
  const log = parseEventLog(LOG);
  assert.deepEqual(log.algorithms, [{ id: 0x0b, size: 32, name: 'sha256' }]);
  assert.deepEqual(log.events, EVENTS);
  assert.deepEqual(parseTagged(log.events[0]?.data ?? Buffer.alloc(0)), {
    tag: 1,
    content: Buffer.from('{}'),
  });
});

test('replay extends from zero, event by event', () => {
  const expected = EVENTS.reduce(
    (value, { data }) => sha256(value, sha256(data)),
    Buffer.alloc(32) as Buffer,
  );
  assert.deepEqual(replay(EVENTS, 'sha256'), new Map([[13, expected]]));
  assert.deepEqual(replay([], 'sha256'), new Map());
});

test('replay knows what is no extend, start-up localities and DRTM PCRs', () => {
  const locality = event(0, 3, Buffer.from('StartupLocality\0\x03', 'latin1'));
  const start = Buffer.alloc(32);
  start.writeUInt8(3, 31);
  const data = Buffer.from('x');
  assert.deepEqual(
    replay([locality, event(0, 1, data)], 'sha256').get(0),
    sha256(start, sha256(data)),
  );
  assert.equal(replay([event(5, 3, data)], 'sha256').size, 0);
  assert.throws(() => replay([event(0, 1, data), locality], 'sha256'), EventLogError);
  assert.deepEqual(
    replay([event(17, 6, data)], 'sha256').get(17),
    sha256(Buffer.alloc(32), sha256(data)),
  );
});

test('an event without the wanted bank cannot be replayed', () => {
  assert.throws(() => replay(EVENTS, 'sha384'), /event 1 \(PCR 13\) has no sha384 digest/);
});

test('a log cut off anywhere but between events is refused', () => {
  const header = encodeHeader(['sha256']).length;
  const whole = new Set([header, header + encodeEvent(EVENTS[0] as LogEvent).length]);
  for (let length = 0; length < LOG.length; length++) {
    const parse = () => parseEventLog(LOG.subarray(0, length));
    if (whole.has(length)) parse();
    else assert.throws(parse, EventLogError, `cut at ${length}`);
  }
});

/** A copy of the log with `hex` written over it at `offset`. */
function patched(offset: number, hex: string): Buffer {
  const copy = Buffer.from(LOG);
  copy.write(hex, offset, 'hex');
  return copy;
}

test('sizes, counts and algorithms are not trusted', () => {
  const first = encodeHeader(['sha256']).length;
  const cases: [name: string, log: Buffer, message: RegExp][] = [
    ['header size', patched(28, 'ffffffff'), /header data needs 4294967295 bytes/],
    ['header PCR', patched(0, '01'), /the header is in register 1, that of a TPM is in PCR 0/],
    ['header type', patched(4, '08'), /the first record is no EV_NO_ACTION event/],
    ['header digest', patched(8, '01'), /the first record is no EV_NO_ACTION event/],
    ['signature', patched(32 + 13, '32'), /no "Spec ID Event03" signature/],
    ['no algorithms', patched(56, '00'), /0 algorithms/],
    ['many algorithms', patched(56, 'ffffffff'), /4294967295 algorithms/],
    ['digest size', patched(62, '1400'), /0xb cannot have digests of 20 bytes/],
    ['vendor info', patched(64, '05'), /vendor info needs 5 bytes/],
    ['digest count', patched(first + 8, 'ffffffff'), /4294967295 digests/],
    ['digest algorithm', patched(first + 12, '0c00'), /0xc is not in the header/],
    ['event size', patched(first + 46, 'ffffff7f'), /event data needs 2147483647 bytes/],
  ];
  for (const [name, log, message] of cases) {
    assert.throws(
      () => parseEventLog(log),
      (error) => error instanceof EventLogError && message.test(error.message),
      name,
    );
  }
});

test('one algorithm twice is refused, in the header and in an event', () => {
  const twice = encodeHeader(['sha256', 'sha256']);
  assert.throws(() => parseEventLog(twice), /algorithm 0xb twice/);
  const both = encodeHeader(['sha1', 'sha256']);
  const record = encodeEvent(event(13, 6, Buffer.alloc(0)));
  record.writeUInt32LE(2, 8);
  const doubled = Buffer.concat([record.subarray(0, 46), record.subarray(12, 46), Buffer.alloc(4)]);
  assert.throws(
    () => parseEventLog(Buffer.concat([both, doubled])),
    /two digests of algorithm 0xb/,
  );
});

test('tagged data must fill the event exactly', () => {
  const data = encodeTagged(7, Buffer.from('abc'));
  assert.throws(() => parseTagged(data.subarray(0, 10)), EventLogError);
  assert.throws(() => parseTagged(Buffer.concat([data, Buffer.alloc(1)])), /bytes after/);
});

test('a large log is parsed whole', () => {
  const record = encodeEvent(event(13, 6, Buffer.alloc(100_000, 1)));
  const log = parseEventLog(Buffer.concat([LOG, ...Array<Buffer>(20).fill(record)]));
  assert.equal(log.events.length, 22);
});
