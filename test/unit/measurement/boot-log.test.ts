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

const EXPECTED = { nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS };
const ak = new SoftwareAk();

const problems = (evidence: Evidence) => verifyEvidence(evidence, EXPECTED).problems.join('\n');

/** Evidence of a TPM that really went through these boot events. */
const booted = (items: readonly MeasuredItem[], capped = true) =>
  evidenceOf(eventsOf(ITEMS), ak, eventsOf(items, { target: BOOT_TARGET, capped }));

test('a true boot log is accepted and says what differed', () => {
  const verdict = verifyEvidence(booted(bootItems(ak)), EXPECTED);
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(
    verdict.bootEvents?.map(({ event }) => event),
    ['identity', 'identity', 'attestation-key'],
  );
  assert.doesNotMatch(verdict.notChecked.join(), /UUIDs/);
});

test('without a boot log, or without its register, the verdict says that it was not checked', () => {
  const { bootLog: _, ...evidence } = booted(bootItems(ak));
  assert.match(verifyEvidence(evidence, EXPECTED).notChecked.join(), /UUIDs and the quoting key/);
  const { bootPcr: __, ...expected } = EXPECTED;
  assert.match(
    verifyEvidence(booted(bootItems(ak)), expected).notChecked.join(),
    /UUIDs and the quoting key/,
  );
});

test('a boot log that names another key, or none, is refused', () => {
  assert.match(problems(booted(bootItems(new SoftwareAk()))), /does not name the key/);
  assert.match(problems(booted(bootItems(ak).slice(0, 2))), /does not name the key/);
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
