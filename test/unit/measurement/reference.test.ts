import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firmwareEvents } from '../../../measurement/evidence/firmware-events.ts';
import { readReference, referenceFile } from '../../../measurement/evidence/reference.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { foreignFirmware } from '../../lib/firmware-logs.ts';
import { wrongIn } from '../../lib/verdict.ts';

const REFERENCE = {
  pcr: 13,
  bootPcr: 12,
  items: ITEMS,
  pcrs: new Map([['sha256' as const, new Map([[4, Buffer.alloc(32, 4)]])]]),
};

test('a reference comes back from its file, in one form only', () => {
  const text = referenceFile(REFERENCE);
  const read = readReference(Buffer.from(text));
  assert.deepEqual(read, REFERENCE);
  assert.equal(referenceFile(read), text);
  assert.match(text, /^[\x20-\x7e]+\n$/);
});

test('evidence is judged by a reference, with the firmware in it', () => {
  const reference = readReference(Buffer.from(referenceFile(REFERENCE)));
  const verdict = verifyEvidence(evidenceOf(), { ...reference, nonce: NONCE });
  assert.deepEqual(wrongIn(verdict), []);
  assert.ok(verdict.notes.includes('the firmware, PCR 0 to 3, 5 to 7: compared with nothing'));
  assert.ok(verdict.compared?.every(({ problems }) => problems.length === 0));

  const expecting = (bank: 'sha1' | 'sha256' | 'sha512', pcr: number, value: Buffer) =>
    wrongIn(
      verifyEvidence(evidenceOf(), {
        ...reference,
        nonce: NONCE,
        pcrs: new Map([[bank, new Map([[pcr, value]])]]),
      }),
    );
  assert.deepEqual(expecting('sha256', 4, Buffer.alloc(32, 5)), [
    `PCR 4 differs in bank sha256: expected ${'05'.repeat(32)}, quoted ${'04'.repeat(32)}`,
  ]);
  // What was never compared, or only in a bank that does not hold, is not right.
  const weak = ["PCR 4 can't be compared in any bank beyond SHA-1"];
  assert.deepEqual(expecting('sha1', 4, Buffer.alloc(20, 4)), weak);
  assert.deepEqual(expecting('sha512', 4, Buffer.alloc(64, 4)), weak);
  assert.deepEqual(expecting('sha256', 8, Buffer.alloc(32)), [
    "PCR 8 can't be compared in any bank beyond SHA-1",
  ]);
});

test('anything else is refused', () => {
  const good = JSON.parse(referenceFile(REFERENCE));
  const image = good.items[3];
  const cases: [change: object, message: RegExp][] = [
    [{ format: 'x' }, /no domb-reference/],
    [{ version: 3 }, /version 3, only 1 and 2/],
    [{ events: [] }, /unknown member "events"/],
    [{ version: 2 }, /events is no list/],
    [{ version: 2, events: [] }, /its events give no value/],
    [{ extra: 1 }, /unknown member "extra"/],
    [{ pcr: 24 }, /no PCR/],
    [{ bootPcr: '12' }, /no PCR/],
    [{ items: [] }, /no items/],
    [{ items: 'x' }, /no items/],
    [{ items: [null] }, /item 0/],
    [{ items: [{ event: 'constructor' }] }, /item 0/],
    [{ items: [{ event: 'error', what: 'x' }] }, /item 0/],
    [{ items: [{ ...image, sequence: 0 }] }, /item 0/],
    [{ items: [image, { ...image, digests: {} }] }, /item 1/],
    [{ items: [{ event: 'configuration', configuration: 0.5 }] }, /item 0/],
    [{ pcrs: [] }, /pcrs is no object/],
    [{ pcrs: { md5: {} } }, /md5 is no bank/],
    [{ pcrs: { sha256: { 24: '' } } }, /24 is no PCR/],
    [{ pcrs: { sha256: { '04': '' } } }, /04 is no PCR/],
    [{ pcrs: { sha256: { 4: 'AB'.repeat(32) } } }, /64 lower-case hex digits/],
    [{ pcrs: { sha256: { 4: 'ab' } } }, /64 lower-case hex digits/],
  ];
  for (const [change, message] of cases) {
    const text = JSON.stringify({ ...good, ...change });
    assert.throws(() => readReference(Buffer.from(text)), message);
  }
  for (const text of ['', 'null', '[]', '{', '\xff']) {
    assert.throws(() => readReference(Buffer.from(text, 'latin1')), /no JSON object/);
  }
});

test('the second version has events of the firmware, which must give its values', () => {
  const { events, pcrs } = foreignFirmware('cos-101');
  const firmware = firmwareEvents(events, new Set([4, 7]));
  const values = new Map(
    [...pcrs].map(([bank, all]) => [
      bank,
      new Map([...all].filter(([pcr]) => [0, 4, 7].includes(pcr))),
    ]),
  );
  const reference = { ...REFERENCE, pcrs: values, firmwareEvents: firmware };
  const text = referenceFile(reference);
  const read = readReference(Buffer.from(text));
  assert.deepEqual(read.firmwareEvents, firmware);
  assert.equal(referenceFile(read), text);
  const good = JSON.parse(text);
  assert.equal(good.version, 2);
  assert.equal(JSON.parse(referenceFile(REFERENCE)).version, 1);
  const other = { ...good.pcrs.sha384, 7: 'ab'.repeat(48) };
  for (const [change, message] of [
    [{ events: good.events.slice(1) }, /pcrs\.sha1\.\d is not what its events give/],
    [{ pcrs: { ...good.pcrs, sha384: other } }, /pcrs\.sha384\.7 is not what its events give/],
    [{ pcrs: {} }, /pcrs\.sha1\.\d is not what/],
    [{ version: 1 }, /unknown member "events"/],
  ] as const) {
    const changed = JSON.stringify({ ...good, ...change });
    assert.throws(() => readReference(Buffer.from(changed)), message);
  }
});
