/**
 * Mutates true evidence: `node test/fuzz/evidence.ts [mutants] [seed]`. Ends with 1 at the first mutant that is not refused
 * or that makes the verifier fail instead of answer; the error names its seed.
 */
import type { Evidence } from '../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../measurement/evidence/verify.ts';
import { withBootQuote } from '../lib/boot-quote.ts';
import { eventsOf, evidenceOf, GUEST_ITEMS, ITEMS, NONCE } from '../lib/evidence.ts';
import { SoftwareAk } from '../lib/software-ak.ts';
import { wrongIn } from '../lib/verdict.ts';
import { mutateEvidence, otherBoot } from './evidence-mutations.ts';
import { Random } from './random.ts';

const mutants = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const ak = new SoftwareAk();
const stranger = new SoftwareAk();
const items = [...ITEMS, ...GUEST_ITEMS];
const truth: Evidence = withBootQuote(evidenceOf(eventsOf(items), ak), ak);
const other: Evidence = withBootQuote(evidenceOf(eventsOf(items), stranger), stranger);
const expected = { nonce: NONCE, pcr: 13, bootPcr: 12, items };
/** Numbers, digests and names, which would make each reason its own. */
const REPLACED = /0x[0-9a-f]+|"[^"]*"|\d+/g;
const SHOWN = 60;
const reasons = new Map<string, number>();

console.log(`${mutants} mutants, seed ${seed}`);
if (verifyEvidence(truth, expected).outcome === 'refused')
  throw new Error('the true evidence is refused');
for (let i = 0; i < mutants; i++) {
  try {
    const random = new Random(seed + i);
    const { evidence, how } =
      i % 4 === 0 ? otherBoot(truth, ak, random) : mutateEvidence(truth, other, random);
    const verdict = verifyEvidence(evidence, expected);
    if (verdict.outcome !== 'refused') throw new Error(`${verdict.outcome}: ${how}`);
    const [first] = wrongIn(verdict);
    const reason = `${how}: ${first?.replace(REPLACED, '…').slice(0, 70)}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  } catch (error) {
    throw new Error(`seed ${seed + i} fails`, { cause: error });
  }
}
const sorted = [...reasons].sort(([, a], [, b]) => b - a);
for (const [reason, count] of sorted.slice(0, SHOWN)) {
  console.log(`${String(count).padStart(7)}  ${reason}`);
}
console.log(`${mutants} mutants, all refused; ${sorted.length} kinds of refusal`);
