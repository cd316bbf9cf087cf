import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeCap, encodeItem } from '../../../measurement/encode.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import type { Evidence } from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import {
  BOOT_TARGET,
  bootItems,
  eventsOf,
  evidenceOf,
  ITEMS,
  NONCE,
  TARGET,
} from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

const EXPECTED = { nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS };
const ak = new SoftwareAk();

const problems = (evidence: Evidence) => wrongIn(verifyEvidence(evidence, EXPECTED)).join('\n');

/** Evidence of a TPM that really went through these boot events. */
const booted = (items: readonly MeasuredItem[], capped = true) =>
  evidenceOf(eventsOf(ITEMS), ak, eventsOf(items, { target: BOOT_TARGET, capped }));

test('a true boot log is accepted and says what differed', () => {
  const verdict = verifyEvidence(booted(bootItems(ak)), EXPECTED);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(
    verdict.bootEvents?.map(({ event }) => event),
    ['hypervisor', 'identity', 'identity', 'attestation-key'],
  );
  assert.ok(!openIn(verdict).includes('boot-log'));
});

test('a boot log that was left out is missed, as its register is quoted', () => {
  const { bootLog: _, ...evidence } = booted(bootItems(ak));
  assert.deepEqual(wrongIn(verifyEvidence(evidence, EXPECTED)), [
    'boot.log, the log of PCR 12, is missing',
  ]);
  const { bootPcr: __, ...expected } = EXPECTED;
  assert.deepEqual(wrongIn(verifyEvidence(evidence, expected)), [
    'PCR 12 is quoted, and no log says what is in it',
  ]);
});

test('a boot log is judged in the register that it names, where none is expected', () => {
  const { bootPcr: _, ...expected } = EXPECTED;
  const verdict = verifyEvidence(booted(bootItems(ak)), expected);
  assert.deepEqual(wrongIn(verdict), []);
  assert.equal(verdict.bootEvents?.length, 4);
});

test('where nothing was measured into a register of its own, nothing is missed', () => {
  const { bootLog: _, ...evidence } = booted(bootItems(ak));
  const pcrs = new Map(
    [...evidence.pcrs].map(([bank, values]) => [
      bank,
      new Map([...values].filter(([pcr]) => pcr !== 12)),
    ]),
  );
  const quote = ak.quote(pcrs, { nonce: NONCE });
  const { bootPcr: __, ...expected } = EXPECTED;
  const verdict = verifyEvidence({ ...evidence, pcrs, quote }, expected);
  assert.deepEqual(wrongIn(verdict), []);
  assert.ok(openIn(verdict).includes('boot-log'));
});

test('a boot log that names another key, or none, is refused', () => {
  assert.match(problems(booted(bootItems(new SoftwareAk()))), /does not name the key/);
  assert.match(problems(booted(bootItems(ak).slice(0, 2))), /does not name the key/);
});

test('a boot log may say that there was no key, for one reason of those that there are, and not beside a name', () => {
  const [, identity] = bootItems(ak) as [MeasuredItem, MeasuredItem];
  const saying = (members: object) =>
    booted([identity, { event: 'attestation-key', ...members } as MeasuredItem]);
  for (const missing of ['authorization', 'disabled', 'lockout']) {
    const verdict = verifyEvidence(saying({ missing }), EXPECTED);
    assert.deepEqual(wrongIn(verdict), []);
    assert.match(verdict.notes.join('\n'), /the boot was quoted by nobody: /);
  }
  const [attest, key] = [Buffer.of(0), Buffer.of(0)];
  const signed = { attest, signature: Buffer.of(0) };
  const quoted = { ...saying({ missing: 'lockout' }) };
  const bootQuote = { key, certification: signed, quote: signed };
  assert.match(
    problems({ ...quoted, bootQuote }),
    /says that no key quoted the boot, and there is/,
  );
  const name = 'aa';
  for (const members of [{}, { missing: 'why not' }, { missing: 'disabled', name }]) {
    assert.match(problems(saying(members)), /does not describe a attestation-key event/);
  }
  const twice = [...bootItems(ak), { event: 'attestation-key', missing: 'disabled' } as const];
  assert.match(problems(booted(twice)), /does not name the key/);
});

test('a boot log without a cap, or with what belongs into the other log, is refused', () => {
  assert.match(problems(booted(bootItems(ak), false)), /has no cap/);
  assert.match(problems(booted([...bootItems(ak), ...ITEMS.slice(2, 3)])), /domain event/);
});

test("a boot log that is not the quoted register's is refused", () => {
  const truth = booted(bootItems(ak));
  const other = booted(bootItems(ak));
  assert.match(
    problems({ ...truth, bootLog: other.bootLog as Buffer }),
    /does not replay to the quoted PCR 12/,
  );
  assert.match(problems({ ...truth, bootLog: truth.log }), /of PCR 13, not of PCR 12/);
  const wrong = [encodeItem(ITEMS[0] as MeasuredItem, 0, TARGET), encodeCap(TARGET)];
  assert.match(problems(evidenceOf(eventsOf(ITEMS), ak, wrong)), /of PCR 13, not of PCR 12/);
});
