import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import type { LogEvent } from '../../../../measurement/event-log/format.ts';
import { parseEventLog } from '../../../../measurement/event-log/parse.ts';
import { replay } from '../../../../measurement/event-log/replay.ts';
import { type Evidence, FIRMWARE_PCRS } from '../../../../measurement/evidence/evidence.ts';
import { type KeylimeRequest, keylimeExport } from '../../../../measurement/keylime/request.ts';
import { predict } from '../../../../measurement/predict.ts';
import { eventsOf, evidenceOf, ITEMS, logOf, NONCE, TARGET } from '../../../lib/evidence.ts';
import { keylimeFailures } from '../../../lib/keylime.ts';
import { SoftwareAk } from '../../../lib/software-ak.ts';

const ak = new SoftwareAk();
const made = evidenceOf(eventsOf(ITEMS), ak);
const expected = predict(ITEMS, TARGET).pcrs;

/** The same with other banks, in this order, and without firmware, unless told. */
function quoted(order: readonly HashAlgorithm[], firmware = false): Evidence {
  const pcrs: PcrValues = new Map(
    order.map((bank) => {
      const values = [...(made.pcrs.get(bank) ?? [])].filter(([pcr]) => firmware || pcr > 7);
      return [bank, new Map(values)];
    }),
  );
  return { ...made, pcrs, quote: ak.quote(pcrs, { nonce: NONCE }) };
}

const evidence = quoted(['sha1', 'sha384', 'sha256']);

/** What tpm2_eventlog would give. */
function replayed({ data }: KeylimeRequest): Map<number, string> {
  const { events } = parseEventLog(Buffer.from(data.mb_log ?? '', 'base64'));
  return new Map([...replay(events, 'sha256')].map(([pcr, value]) => [pcr, value.toString('hex')]));
}

test('what keylime takes is what the quote and the prediction say', () => {
  const { request, notes } = keylimeExport(evidence, NONCE, expected);
  assert.deepEqual(keylimeFailures(request, replayed(request)), []);
  const policy = JSON.parse(request.data.tpm_policy);
  assert.deepEqual(policy, {
    13: [expected.get('sha256')?.get(13)?.toString('hex')],
    mask: '0x2000',
  });
  assert.notDeepEqual(JSON.parse(request.data.mb_policy ?? '{}'), {});
  assert.match(notes.join('\n'), /^compared with nothing: PCR 12, 14$/m);
});

test('keylime finds another nonce, another value, another log, and an altered quote', () => {
  const { request } = keylimeExport(evidence, NONCE, expected);
  const with_ = (data: Partial<KeylimeRequest['data']>) =>
    keylimeFailures({ ...request, data: { ...request.data, ...data } }, replayed(request));
  assert.deepEqual(with_({ nonce: 'AAAA' }), ['nonce']);
  const values = new Map([['sha256', new Map([[13, Buffer.alloc(32, 1)]])]] as const);
  const strange = keylimeExport(evidence, NONCE, values as PcrValues).request;
  assert.deepEqual(keylimeFailures(strange, replayed(strange)), ['invalid_pcr_13']);
  const log = replayed(request).set(12, 'ff');
  assert.deepEqual(keylimeFailures(request, log), ['measured boot: invalid_pcr_12']);
  const flipped = request.data.quote.replace(/^r./, (head) => (head === 'r/' ? 'rA' : 'r/'));
  assert.deepEqual(with_({ quote: flipped }), ['signature']);
});

test('a log that does not give every quoted register is left out, and said to be', () => {
  const { request, notes } = keylimeExport(quoted(['sha256'], true), NONCE, expected);
  assert.ok(!('mb_log' in request.data) && !('mb_policy' in request.data));
  assert.match(notes.join('\n'), /not replayed.*the logs do not give PCR 1, 2, 3, 4, 5, 6, 7$/m);
  assert.deepEqual(keylimeFailures(request), []);
});

test("the firmware's log is a part of the one that is replayed", () => {
  const firmware = FIRMWARE_PCRS.map((pcr): LogEvent => {
    const digests = [[0x0b, Buffer.alloc(32, pcr)] as const];
    return { pcr, type: 13, digests: new Map(digests), data: Buffer.from('an action') };
  });
  const values = replay(firmware, 'sha256');
  const whole: PcrValues = new Map([
    ['sha256', new Map([...values, ...(quoted(['sha256']).pcrs.get('sha256') ?? [])])],
  ]);
  const { request } = keylimeExport(
    {
      ...made,
      firmwareLog: logOf(firmware, ['sha256']),
      pcrs: whole,
      quote: ak.quote(whole, { nonce: NONCE }),
    },
    NONCE,
    expected,
  );
  assert.deepEqual(keylimeFailures(request, replayed(request)), []);
});

test('a quote that keylime would misread, one that is not true, and a policy of nothing', () => {
  assert.throws(
    () => keylimeExport(quoted(['sha256', 'sha1']), NONCE, expected),
    /does not end with the bank sha256/,
  );
  assert.throws(() => keylimeExport(evidence, Buffer.alloc(32), expected), /nonce is not ours/);
  for (const nothing of [new Map(), new Map([['sha1', expected.get('sha1')]])]) {
    assert.throws(
      () => keylimeExport(evidence, NONCE, nothing as PcrValues),
      /nothing is expected/,
    );
  }
});
