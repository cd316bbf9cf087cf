import type {
  CheckId,
  Finding,
  Gap,
  GapId,
  Outcome,
  Verdict,
} from '../../../../measurement/evidence/verdict.ts';
import { checks, gaps } from '../../../../measurement/evidence/verdict.ts';

/** A verdict made by hand: every check right, but for those that are wrong or were not made. */
export function verdictOf({
  wrong = [],
  without = [],
  open = [],
  waived = [],
  ...rest
}: {
  wrong?: readonly CheckId[];
  without?: readonly CheckId[];
  open?: readonly GapId[];
  waived?: readonly GapId[];
} & Partial<Verdict> = {}): Verdict {
  const outcome: Outcome = wrong.length > 0 ? 'refused' : open.length > 0 ? 'unproven' : 'proven';
  const found = (Object.keys(checks) as CheckId[]).filter((check) => !without.includes(check));
  return {
    outcome,
    findings: found.map(
      (check): Finding => ({ check, ok: !wrong.includes(check), says: checks[check] }),
    ),
    gaps: [...open, ...waived].map(
      (gap): Gap => ({ gap, says: gaps[gap], hint: 'close it', waived: waived.includes(gap) }),
    ),
    notes: [],
    ...rest,
  };
}
