import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { mutateEvidence, otherBoot } from '../../fuzz/evidence-mutations.ts';
import { Random } from '../../fuzz/random.ts';
import { withBootQuote } from '../../lib/boot-quote.ts';
import { eventsOf, evidenceOf, GUEST_ITEMS, ITEMS, NONCE } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { wrongIn } from '../../lib/verdict.ts';

/** A few of those that test/fuzz/evidence.ts goes through. */
const MUTANTS = 3000;
const SEED = 1;
const stranger = new SoftwareAk();

test(`${MUTANTS} mutants of true evidence: all are refused, none crashes the verifier`, () => {
  const ak = new SoftwareAk();
  const items = [...ITEMS, ...GUEST_ITEMS];
  const truth = withBootQuote(evidenceOf(eventsOf(items), ak), ak);
  const other = withBootQuote(evidenceOf(eventsOf(items), stranger), stranger);
  const expected = { nonce: NONCE, pcr: 13, bootPcr: 12, items };
  assert.deepEqual(wrongIn(verifyEvidence(truth, expected)), []);
  for (let seed = SEED; seed < SEED + MUTANTS; seed++) {
    const random = new Random(seed);
    const { how, evidence } =
      seed % 4 === 0 ? otherBoot(truth, ak, random) : mutateEvidence(truth, other, random);
    const { outcome } = verifyEvidence(evidence, expected);
    assert.equal(outcome, 'refused', `seed ${seed}: ${how}`);
  }
});
