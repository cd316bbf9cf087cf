import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HashAlgorithm, hashId, type PcrValues } from 'node-tpm2-pts';
import type { LogEvent } from '../../../measurement/event-log/format.ts';
import type { Evidence } from '../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../measurement/evidence/expectation.ts';
import { eventValues, firmwareEvents } from '../../../measurement/evidence/firmware-events.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { eventsOf, evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { firmwareOf, flipped, foreignFirmware } from '../../lib/firmware-logs.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

/** Its banks are those of the evidence that tests make. */
const { events, banks, log } = foreignFirmware('cos-101');
const off = foreignFirmware('bootorder');

/** Evidence of a platform whose firmware measured these events. */
function evidenceWith(measured: readonly LogEvent[], firmwareLog?: Buffer): Evidence {
  const ak = new SoftwareAk();
  const { pcrs: firmware } = firmwareOf(measured, banks);
  const evidence = evidenceOf(eventsOf(ITEMS), ak);
  const pcrs: PcrValues = new Map(
    [...evidence.pcrs].map(([bank, values]): [HashAlgorithm, Map<number, Buffer>] => [
      bank,
      new Map([...(firmware.get(bank) ?? []), ...[...values].filter(([pcr]) => pcr > 7)]),
    ]),
  );
  const quoted = { ...evidence, pcrs, quote: ak.quote(pcrs, { nonce: NONCE }) };
  return firmwareLog === undefined ? quoted : { ...quoted, firmwareLog };
}

const expecting = (more: Partial<Expectation> = {}): Expectation => ({
  ...{ nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS },
  ...more,
});

const known = firmwareEvents(events, new Set([0, 1, 2, 3, 4, 5, 6, 7]));
const learned = { pcrs: eventValues(known), firmwareEvents: known };

test("firmware's log, where it is there, must give the quoted values", () => {
  const { findings, notes } = verifyEvidence(evidenceWith(events, log), expecting());
  const said = findings.find(({ check }) => check === 'firmware-log');
  assert.equal(said?.ok, true);
  assert.match(said?.says ?? '', /^firmware\.log: \d+ events .* agree; Secure Boot is on$/);
  assert.doesNotMatch(notes.join(), /firmware\.log/);
  for (const bad of [log.subarray(0, -3), Buffer.from('rubbish'), Buffer.alloc(0), off.log]) {
    const verdict = verifyEvidence(evidenceWith(events, bad), expecting());
    assert.equal(verdict.outcome, 'refused');
    assert.ok(wrongIn(verdict).every((says) => says.startsWith('firmware.log ')));
  }
});

test('a missing log is noted, where firmware measured anything', () => {
  const { notes, outcome } = verifyEvidence(evidenceWith(events), expecting());
  assert.notEqual(outcome, 'refused');
  assert.ok(notes.includes('what firmware measured: firmware.log is not in the evidence'));
  const without = verifyEvidence(evidenceWith([]), expecting());
  assert.doesNotMatch(without.notes.join(), /firmware\.log/);
});

test('what the log says of Secure Boot opens the gap, until PCR 7 is compared', () => {
  const gaps = (evidence: Evidence, more: Partial<Expectation> = {}) =>
    openIn(verifyEvidence(evidence, expecting(more)));
  assert.ok(gaps(evidenceWith(events, log)).includes('secure-boot'));
  assert.ok(!gaps(evidenceWith(events, log), learned).includes('secure-boot'));
  const measured = off.events.map((event) => ({
    ...event,
    digests: new Map(
      banks.map((bank): [number, Buffer] => [
        hashId(bank),
        event.digests.get(hashId(bank)) ?? Buffer.alloc(48),
      ]),
    ),
  }));
  const unsigned = evidenceWith(measured, firmwareOf(measured, banks).log);
  assert.ok(!gaps(unsigned).includes('secure-boot'));
});

test('registers that are as learned are so in every bank', () => {
  const verdict = verifyEvidence(evidenceWith(events, log), expecting(learned));
  assert.deepEqual(wrongIn(verdict), []);
  for (const pcr of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const says = `PCR ${pcr}: as expected in sha1, sha256, sha384`;
    assert.ok(verdict.findings.some((finding) => finding.ok && finding.says === says));
  }
});

test('what differs is told event by event, by the check that it belongs to', () => {
  for (const [pcr, check] of [
    [0, 'firmware'],
    [4, 'launch-chain'],
    [7, 'secure-boot'],
  ] as const) {
    const event = events.find((each) => each.pcr === pcr && each.type !== 3) as LogEvent;
    const digests = [...event.digests].map(([id, value]) => [id, flipped(value, 1)] as const);
    const changed = events.map((each) =>
      each === event ? { ...each, digests: new Map(digests) } : each,
    );
    const evidence = evidenceWith(changed, firmwareOf(changed, banks).log);
    const verdict = verifyEvidence(evidence, expecting(learned));
    const wrong = verdict.findings.filter(({ ok }) => !ok);
    assert.deepEqual([...new Set(wrong.map((each) => each.check))], [check]);
    assert.equal(wrong.length, banks.length + 1);
    assert.match(wrong.at(-1)?.says ?? '', new RegExp(`^PCR ${pcr}: event 1 EV_\\S+ differs: `));
    // Without a log that is true, nothing is known of events.
    const bare = verifyEvidence(evidenceWith(changed), expecting(learned));
    assert.equal(wrongIn(bare).length, banks.length);
    const lying = verifyEvidence(evidenceWith(changed, log), expecting(learned));
    assert.doesNotMatch(wrongIn(lying).join('\n'), /event 1 /);
  }
});
