import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { mutateEvidence, otherBoot } from '../../fuzz/evidence-mutations.ts';
import { Random } from '../../fuzz/random.ts';
import { eventsOf, evidenceOf, GUEST_ITEMS, ITEMS, NONCE } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';

/** A few of those that test/fuzz/evidence.ts goes through. */
const MUTANTS = 3000;
const SEED = 1;

test(`${MUTANTS} mutants of true evidence: none is accepted, none crashes the verifier`, () => {
  const ak = new SoftwareAk();
  const items = [...ITEMS, ...GUEST_ITEMS];
  const truth = evidenceOf(eventsOf(items), ak);
  const other = evidenceOf(eventsOf(items));
  const expected = { nonce: NONCE, pcr: 13, bootPcr: 12, items };
  assert.deepEqual(verifyEvidence(truth, expected).problems, []);
  for (let seed = SEED; seed < SEED + MUTANTS; seed++) {
    const random = new Random(seed);
    const { how, evidence } =
      seed % 4 === 0 ? otherBoot(truth, ak, random) : mutateEvidence(truth, other, random);
    const { accepted, problems } = verifyEvidence(evidence, expected);
    assert.equal(accepted, false, `seed ${seed}: ${how}`);
    assert.notEqual(problems.length, 0);
  }
});
