import type { Outcome, Verdict } from '../evidence/verdict.ts';
import { type Marks, whenOpen, whenRight, whenWrong } from './claims-of-checks.ts';
import {
  type TrustTier,
  type TrustVector,
  tierOfVector,
  trustClaims,
  worseTier,
  worstValue,
} from './trust-claims.ts';

/** What is said of the platform, or of one domain on it. */
export interface Appraisal {
  readonly status: TrustTier;
  readonly vector: TrustVector;
  /** What it is about, and why it came out so. */
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** The platform's appraisal: what each check and gap makes of each claim. */
export function appraisePlatform(verdict: Verdict): Appraisal {
  const { findings, gaps, outcome, notes, attest } = verdict;
  const wrong = findings.filter(({ ok }) => !ok);
  const vector = vectorOf([
    ...wrong.flatMap(({ check }) => whenWrong[check]),
    ...gaps.flatMap(({ gap }) => whenOpen[gap]),
    ...whenRight
      .filter(({ needs }) =>
        needs.every((need) => findings.some(({ check, ok }) => ok && check === need)),
      )
      .map(({ claim, value }) => [claim, value] as const),
  ]);
  return {
    status: worseTier(tierOfVector(vector), atBest[outcome]),
    vector,
    annotations: {
      outcome,
      wrong: wrong.map(({ check, says }) => ({ check, says })),
      gaps: gaps.map(({ gap, says, waived }) => ({ gap, says, waived })),
      notes,
      ...(attest === undefined
        ? {}
        : {
            resetCount: attest.clock.resetCount,
            restartCount: attest.clock.restartCount,
          }),
    },
  };
}

/** Whatever the vector says, a status is never better than the outcome. */
const atBest: Readonly<Record<Outcome, TrustTier>> = {
  proven: 'affirming',
  unproven: 'warning',
  refused: 'contraindicated',
};

/** Of each claim the worst value that something gives it. */
export function vectorOf(marks: Marks): TrustVector {
  return Object.fromEntries(
    trustClaims.flatMap((claim) => {
      const value = worstValue(marks.filter(([name]) => name === claim).map(([, each]) => each));
      return value === undefined ? [] : [[claim, value]];
    }),
  );
}
