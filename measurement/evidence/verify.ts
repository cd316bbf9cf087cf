import { bootEnd } from './boot-end.ts';
import type { Evidence } from './evidence.ts';
import type { Expectation } from './expectation.ts';
import { gapsIn } from './gap-judges.ts';
import type { Seen } from './judges/judge.ts';
import { judges } from './judges/table.ts';
import { notesOn } from './notes.ts';
import {
  type CheckId,
  checks,
  type Finding,
  type Gap,
  type Outcome,
  type Verdict,
} from './verdict.ts';

/** What is wrong in these leaves nothing to look at: all else is believed because of the quote. */
const DECISIVE: readonly CheckId[] = ['evidence', 'quote'];

/**
 * Judges evidence without a TPM and without trusting where it came from: one judge after the other, in the order of `checks`;
 * then through what a lie could still come. Never throws for anything that is in the evidence.
 */
export function verifyEvidence(evidence: Evidence, expectation: Expectation): Verdict {
  const seen: Seen = {};
  const findings: Finding[] = [];
  for (const check of Object.keys(checks) as CheckId[]) {
    const said = judges[check](evidence, expectation, seen);
    findings.push(...said.map((each) => ({ check, ...each })));
    if (DECISIVE.includes(check) && said.some(({ ok }) => !ok)) break;
  }
  const gaps = gapsIn(evidence, expectation, seen);
  const { attest, log, bootLog, compared } = seen;
  return {
    outcome: outcomeOf(findings, gaps),
    findings,
    gaps,
    notes: notesOn(expectation, seen, evidence),
    ...(compared ? { compared } : {}),
    ...(log ? { pcrs: log.pcrs, events: log.events } : {}),
    ...(bootLog ? { bootEvents: bootLog.events } : {}),
    ...(log?.capped && bootLog ? { boot: bootEnd(log, bootLog) } : {}),
    ...(attest ? { attest } : {}),
  };
}

/** The verdict on files that are no evidence. @param says what is wrong with which */
export function verdictOnDamage(says: string): Verdict {
  return {
    outcome: 'refused',
    findings: [{ check: 'evidence', ok: false, says }],
    gaps: [],
    notes: ['everything else: not looked at, the evidence is damaged'],
  };
}

function outcomeOf(findings: readonly Finding[], gaps: readonly Gap[]): Outcome {
  if (findings.some(({ ok }) => !ok)) return 'refused';
  return gaps.every(({ waived }) => waived) ? 'proven' : 'unproven';
}
