import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digest, hashId, type PcrValues } from 'node-tpm2-pts';
import { encodeItem } from '../../../measurement/encode.ts';
import { EVENT_TYPE, type LogEvent } from '../../../measurement/event-log/format.ts';
import { encodeTagged } from '../../../measurement/event-log/write.ts';
import { EVENT_TAGS, type MeasuredItem } from '../../../measurement/events.ts';
import { compareItems } from '../../../measurement/evidence/compare.ts';
import type { Evidence } from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { eventsOf, evidenceOf, ITEMS, logOf, NONCE, TARGET } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

const EXPECTED = { nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS };

function problems(evidence: Evidence, expected = EXPECTED): string {
  const verdict = verifyEvidence(evidence, expected);
  assert.equal(verdict.outcome === 'refused', wrongIn(verdict).length > 0);
  return wrongIn(verdict).join('\n');
}

/** Evidence of a TPM that really went through these items: only the items are not the expected ones. */
function measured(items: readonly MeasuredItem[]): string {
  return problems(evidenceOf(eventsOf(items)));
}

/** An event with these data and digests that fit. */
function event(data: Buffer, type: number = EVENT_TYPE.EVENT_TAG): LogEvent {
  const digests = new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, data)]));
  return { pcr: 13, type, digests, data };
}

const json = (tag: number, text: string) => event(encodeTagged(tag, Buffer.from(text)));
const without = (index: number) => ITEMS.filter((_, i) => i !== index);
const replaced = (index: number, change: object) =>
  ITEMS.map((item, i) => (i === index ? ({ ...item, ...change } as MeasuredItem) : item));

test('of true evidence nothing is wrong, and the verdict says what it does not vouch for', () => {
  const verdict = verifyEvidence(evidenceOf(), EXPECTED);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(openIn(verdict), ['key', 'launch-chain']);
  assert.equal(verdict.events?.length, ITEMS.length);
  assert.deepEqual(verdict.notes, [
    'the boot quote: there is none, so that nothing shows what was quoted before the hand-over',
    'the firmware, PCR 0 to 7: compared with nothing',
    'what firmware measured: firmware.log is not in the evidence',
    'what domains have: it was not read back from Xen',
  ]);
  const bare = verifyEvidence(evidenceOf(), { nonce: NONCE, pcr: 13 });
  assert.deepEqual(openIn(bare), ['key', 'items', 'launch-chain']);
});

test('items that differ are named with what was expected and what was measured', () => {
  const digests = { sha256: 'aa'.repeat(32) };
  assert.match(
    measured(replaced(8, { digests })),
    /^dom0 ramdisk differs: digests\.sha256: expected "[0-9a-f]{64}", measured "(aa){32}"$/,
  );
  assert.equal(
    measured(replaced(6, { seclabel: 'system_u:system_r:domU_t' })),
    'domain dom0 differs: seclabel: expected "system_u:system_r:dom0_t", measured "system_u:system_r:domU_t"',
  );
  assert.equal(
    measured(
      replaced(1, { configuration: { version: 1, domains: [{ name: 'dom0', memoryKiB: 1 }] } }),
    ),
    [
      'configuration differs: configuration.domains[0].memoryKiB: expected 524288, measured 1',
      'configuration differs: configuration.domains[1]: expected {"name":"vtpm"}, measured nothing',
    ].join('\n'),
  );
});

test('missing, additional, repeated and reordered items, and failed boots', () => {
  assert.equal(measured(without(3)), 'vtpm kernel was not measured');
  const extra: MeasuredItem = { ...(ITEMS[3] as MeasuredItem), domain: 'evil' } as MeasuredItem;
  assert.equal(measured([...ITEMS, extra]), 'evil kernel was not expected');
  assert.equal(measured([...ITEMS, ITEMS[3] as MeasuredItem]), 'vtpm kernel (2) was not expected');
  assert.equal(measured(ITEMS.toReversed()), 'the items were measured in another order');
  const failed: MeasuredItem = { event: 'error', what: 'no such image' };
  assert.equal(measured([...ITEMS, failed]), 'the boot failed: no such image');
  const verdict = verifyEvidence(evidenceOf(eventsOf([...ITEMS, failed])), {
    nonce: NONCE,
    pcr: 13,
  });
  assert.deepEqual(wrongIn(verdict), ['the boot failed: no such image']);
});

test('an item repeated very often is judged in no time', () => {
  const often = Array.from({ length: 20_000 }, () => ITEMS[3] as MeasuredItem);
  const start = process.threadCpuUsage();
  const results = compareItems(ITEMS, [...ITEMS, ...often]);
  assert.equal(results.length, ITEMS.length + often.length);
  assert.deepEqual(results.at(-1)?.problems, ['vtpm kernel (20001) was not expected']);
  assert.ok(process.threadCpuUsage(start).user < 1_000_000);
});

test('a log without cap, and events after it', () => {
  assert.match(problems(evidenceOf(eventsOf(ITEMS, { capped: false }))), /no cap/);
  const after = [
    ...eventsOf(ITEMS),
    encodeItem(ITEMS[0] as MeasuredItem, ITEMS.length + 1, TARGET),
  ];
  assert.match(problems(evidenceOf(after)), /event 11: events follow the cap/);
  const twice = [...eventsOf(ITEMS), ...eventsOf([])];
  assert.match(problems(evidenceOf(twice)), /event 11: events follow the cap/);
});

test('events that were extended but do not follow the format', () => {
  const cases: [name: string, LogEvent, message: RegExp][] = [
    ['unknown tag', json(0x646f6dff, '{}'), /unknown tag 0x646f6dff/],
    ['other type', event(Buffer.from('x'), 13), /type 0xd/],
    ['no JSON', json(EVENT_TAGS.error, 'boom'), /not JSON/],
    [
      'wrong kind',
      json(EVENT_TAGS.error, '{"event":"image","sequence":0}'),
      /not describe a error/,
    ],
    ['member missing', json(EVENT_TAGS.error, '{"event":"error","sequence":0}'), /not describe/],
    [
      'additional member',
      json(EVENT_TAGS.error, '{"event":"error","sequence":0,"what":"x","x":1}'),
      /not describe/,
    ],
    [
      'inherited name',
      json(EVENT_TAGS.error, '{"constructor":"x","event":"error","sequence":0,"what":"x"}'),
      /not describe/,
    ],
    [
      'sequence',
      json(EVENT_TAGS.error, '{"event":"error","sequence":1,"what":"x"}'),
      /missing, repeated or out of order/,
    ],
    [
      'white space',
      json(EVENT_TAGS.error, '{"event": "error","sequence":0,"what":"x"}'),
      /not in the form/,
    ],
    [
      'member twice',
      json(EVENT_TAGS.error, '{"event":"error","sequence":0,"what":"y","what":"x"}'),
      /not in the form/,
    ],
    [
      'fraction',
      json(EVENT_TAGS.configuration, '{"configuration":0.5,"event":"configuration","sequence":0}'),
      /no safe integer/,
    ],
    ['cap with other data', event(Buffer.alloc(5), EVENT_TYPE.SEPARATOR), /four zero bytes/],
  ];
  for (const [name, bad, message] of cases) {
    assert.match(problems(evidenceOf([bad])), message, name);
  }
});

test('logs that are not what was quoted', () => {
  const evidence = evidenceOf();
  const events = eventsOf(ITEMS);
  const lies = evidenceOf(eventsOf(without(2)));
  assert.match(problems({ ...evidence, log: lies.log }), /does not replay to the quoted PCR 13/);
  const foreign = events.map((one) => ({ ...one, pcr: 14 }));
  assert.match(problems({ ...evidence, log: logOf(foreign) }), /is of PCR 14, not of PCR 13/);
  const oneBank = events.map(({ digests, ...rest }) => ({
    ...rest,
    digests: new Map([[0x0b, digests.get(0x0b) as Buffer]]),
  }));
  assert.match(
    problems({ ...evidence, log: logOf(oneBank, ['sha256']) }),
    /the log has no sha1 digests, the quote has sha1\nthe log has no sha384/,
  );
  assert.match(problems({ ...evidence, log: Buffer.alloc(0) }), /header PCR needs 4 bytes/);
  assert.match(problems({ ...evidence, log: logOf([]) }), /no events/);
});

test('a quote of too little', () => {
  const ak = new SoftwareAk();
  const evidence = evidenceOf(eventsOf(ITEMS), ak);
  const quoted = (pcrs: PcrValues) =>
    problems({ ...evidence, pcrs, quote: ak.quote(pcrs, { nonce: NONCE }) });
  const bank = (name: 'sha1' | 'sha256') => evidence.pcrs.get(name) as Map<number, Buffer>;
  assert.match(quoted(new Map([['sha1', bank('sha1')]])), /not quoted beyond SHA-1/);
  assert.match(quoted(new Map([['sha256', bank('sha256')]])), /not quoted in bank sha1/);
  const firmware = new Map([[4, bank('sha256').get(4) as Buffer]]);
  assert.match(quoted(new Map([['sha256', firmware]])), /PCR 13 is not quoted/);
});

test('stale nonce, another boot, another key', () => {
  const evidence = evidenceOf();
  assert.match(problems(evidence, { ...EXPECTED, nonce: Buffer.from('other') }), /nonce/);
  const other = evidenceOf(eventsOf(without(0)));
  assert.match(problems({ ...evidence, quote: other.quote }), /signature/);
  assert.match(problems({ ...evidence, quote: other.quote, ak: other.ak }), /PCR values differ/);
  assert.match(problems({ ...evidence, ak: new SoftwareAk().publicArea }), /signature/);
});

test('every bit of the log, the quote, the key and the values matters', () => {
  const evidence = evidenceOf();
  const flip = (bytes: Buffer, bit: number) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return copy;
  };
  let mutants = 0;
  const refused = (mutant: Evidence, what: string) => {
    mutants++;
    assert.notEqual(problems(mutant), '', what);
  };
  // One bit of each byte, another one from byte to byte; fuzzing takes all of them.
  const bits = (bytes: Buffer) => Array.from(bytes, (_, i) => 8 * i + (i % 8));
  for (const bit of bits(evidence.log)) {
    if (bit % 3 === 0) refused({ ...evidence, log: flip(evidence.log, bit) }, `log, bit ${bit}`);
  }
  for (const bit of bits(evidence.ak)) {
    refused({ ...evidence, ak: flip(evidence.ak, bit) }, `key, bit ${bit}`);
  }
  for (const part of ['attest', 'signature'] as const) {
    for (const bit of bits(evidence.quote[part])) {
      const quote = { ...evidence.quote, [part]: flip(evidence.quote[part], bit) };
      refused({ ...evidence, quote }, `${part}, bit ${bit}`);
    }
  }
  for (const [bank, values] of evidence.pcrs) {
    for (const [pcr, value] of values) {
      const changed = new Map([...values, [pcr, flip(value, 3)] as const]);
      refused(
        { ...evidence, pcrs: new Map([...evidence.pcrs, [bank, changed]]) },
        `${bank}:${pcr}`,
      );
    }
  }
  assert.ok(mutants > 1000, `${mutants} mutants`);
});
