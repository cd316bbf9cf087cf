import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checks, type GapId, gaps } from '../../../measurement/evidence/verdict.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { wrongIn } from '../../lib/verdict.ts';
import { bootLogForgeries } from './forgeries/boot-logs.ts';
import { bootQuoteForgeries } from './forgeries/boot-quotes.ts';
import {
  expectedOfFirmware,
  firmwareForgeries,
  genuineWithFirmware,
} from './forgeries/firmware.ts';
import { firmwareLogForgeries } from './forgeries/firmware-logs.ts';
import { expected, type Forgery, genuine } from './forgeries/forgery.ts';
import { keyForgeries } from './forgeries/keys.ts';
import { logForgeries } from './forgeries/logs.ts';
import { registerForgeries } from './forgeries/registers.ts';

const forgeries: readonly Forgery[] = [
  ...keyForgeries,
  ...registerForgeries,
  ...logForgeries,
  ...bootLogForgeries,
  ...bootQuoteForgeries,
  ...firmwareForgeries,
  ...firmwareLogForgeries,
];

test('what they are forged from is proven', () => {
  for (const verdict of [
    verifyEvidence(genuine, expected),
    verifyEvidence(genuineWithFirmware, expectedOfFirmware),
  ]) {
    assert.deepEqual(wrongIn(verdict), []);
    assert.deepEqual([verdict.outcome, verdict.gaps], ['proven', []]);
  }
});

test('each check refuses one of them, each gap is open for one, and no two have one name', () => {
  const ends = new Set<string>(forgeries.map((each) => each.ends));
  for (const check of Object.keys(checks)) assert.ok(ends.has(`refused: ${check}`), check);
  for (const gap of Object.keys(gaps)) assert.ok(ends.has(`unproven: ${gap}`), gap);
  const names = forgeries.map(({ has, name }) => `${has}: ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 60, String(names.length));
});

for (const { name, has, forged, under, ends } of forgeries) {
  test(`forged by ${has}: ${name}`, () => {
    const [evidence, expectation] = [forged(), under?.() ?? expected];
    const { outcome, findings, gaps: open } = verifyEvidence(evidence, expectation);
    const first = findings.find(({ ok }) => !ok)?.check ?? open.find((each) => !each.waived)?.gap;
    assert.equal(`${outcome}: ${first}`, ends);
    if (outcome !== 'refused') return;
    // No gap that is waived makes anything right.
    const waived = Object.keys(gaps) as GapId[];
    assert.equal(verifyEvidence(evidence, { ...expectation, waived }).outcome, 'refused');
  });
}
