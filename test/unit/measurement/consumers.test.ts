import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { jsonRecords } from '../../../measurement/formats/json-records.ts';
import { BOOT_TARGET, bootItems, eventsOf, ITEMS, logOf, TARGET } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';

/**
 * What other programs demand of a log before they replay it, as rules over the bytes. The walk below is a second one,
 * written from the TCG's layout alone, so that it shares no mistake with our parser.
 */

interface RawEvent {
  pcr: number;
  type: number;
  digests: [algorithm: number, digest: Buffer][];
  data: Buffer;
}

const SIZES = new Map([
  [0x4, 20],
  [0xb, 32],
  [0xc, 48],
  [0xd, 64],
]);

/** TCG PC Client PFP 1.05, 10.2.1 and 10.2.2. */
function walk(log: Buffer): { algorithms: [number, number][]; events: RawEvent[] } {
  assert.equal(log.readUInt32LE(0), 0, 'the header is in PCR 0');
  assert.equal(log.readUInt32LE(4), 3, 'the header is EV_NO_ACTION');
  const headerEnd = 32 + log.readUInt32LE(28);
  const count = log.readUInt32LE(56);
  const algorithms = Array.from({ length: count }, (_, i): [number, number] => [
    log.readUInt16LE(60 + 4 * i),
    log.readUInt16LE(62 + 4 * i),
  ]);
  const events: RawEvent[] = [];
  for (let at = headerEnd; at < log.length; ) {
    const [pcr, type, digestCount] = [0, 4, 8].map((offset) => log.readUInt32LE(at + offset));
    at += 12;
    const digests: RawEvent['digests'] = [];
    for (let i = 0; i < (digestCount ?? 0); i++) {
      const algorithm = log.readUInt16LE(at);
      const size = SIZES.get(algorithm) ?? assert.fail(`algorithm ${algorithm}`);
      digests.push([algorithm, log.subarray(at + 2, at + 2 + size)]);
      at += 2 + size;
    }
    const size = log.readUInt32LE(at);
    const data = log.subarray(at + 4, at + 4 + size);
    assert.equal(data.length, size, 'no record is cut off');
    events.push({ pcr: pcr ?? -1, type: type ?? -1, digests, data });
    at += 4 + size;
  }
  return { algorithms, events };
}

const boot = eventsOf(bootItems(new SoftwareAk()), { target: BOOT_TARGET });
const logs = [logOf(eventsOf(ITEMS)), logOf(boot)];

test('go-eventlog: every event has a digest of every bank that the header declares, and no other', () => {
  for (const { algorithms, events } of logs.map(walk)) {
    const declared = algorithms.map(([algorithm]) => algorithm);
    assert.ok(declared.length > 0);
    for (const [algorithm, size] of algorithms) assert.equal(SIZES.get(algorithm), size);
    for (const { digests } of events) {
      assert.deepEqual(
        digests.map(([algorithm]) => algorithm),
        declared,
      );
    }
  }
});

test('go-eventlog and go-attestation: only event types that they know, none that needs a PCR of its own', () => {
  // EV_SEPARATOR and EV_EVENT_TAG; EV_IPL would earn a warning outside of GRUB's PCRs.
  for (const { events } of logs.map(walk)) {
    for (const { type } of events) assert.ok(type === 4 || type === 6, `type ${type}`);
  }
});

test('go-attestation: a separator is four zero bytes, once in a PCR, and ends it', () => {
  for (const { events } of logs.map(walk)) {
    const separators = events.filter(({ type }) => type === 4);
    assert.deepEqual(
      separators.map(({ data }) => data),
      [Buffer.alloc(4)],
    );
    assert.equal(events.at(-1)?.type, 4);
  }
});

test('tagged events: tag and size fill the data exactly, the rest is printable ASCII', () => {
  for (const { events } of logs.map(walk)) {
    for (const { type, data } of events) {
      if (type !== 6) continue;
      assert.equal(data.readUInt32LE(4), data.length - 8);
      assert.match(data.toString('latin1', 8), /^[\x20-\x7e]+$/);
    }
  }
});

test('keylime: one PCR that it replays (0 to 9, 11 to 15), the same in all events', () => {
  const pcrs = logs.map((log) => new Set(walk(log).events.map(({ pcr }) => pcr)));
  assert.deepEqual(pcrs, [new Set([TARGET.pcr]), new Set([BOOT_TARGET.pcr])]);
  for (const [pcr] of pcrs) {
    assert.ok(pcr !== undefined && pcr <= 15 && pcr !== 10, `PCR ${pcr}`);
  }
});

test('systemd-pcrlock: a JSON text sequence whose every record has a PCR and digests by known names', () => {
  for (const log of logs) {
    const text = jsonRecords(readMeasurementLog(log).records);
    const records = text.split('\x1e').slice(1);
    assert.equal(text.startsWith('\x1e'), true);
    assert.equal(records.length, walk(log).events.length);
    for (const record of records) {
      const { pcr, digests, content_type, content } = JSON.parse(record);
      assert.ok(Number.isInteger(pcr) && pcr >= 0 && pcr < 24);
      assert.ok(digests.length > 0);
      for (const { hashAlg, digest } of digests) {
        const size = { sha1: 40, sha256: 64, sha384: 96, sha512: 128 }[hashAlg as string];
        assert.equal(digest.length, size, hashAlg);
        assert.match(digest, /^[0-9a-f]+$/);
      }
      // It looks into the content of its own types only.
      assert.equal(
        ['systemd', 'pcclient_std', 'cel', 'ima_template'].includes(content_type),
        false,
      );
      assert.equal(typeof content, 'object');
    }
  }
});
