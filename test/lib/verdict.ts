import type { GapId, Verdict } from '../../measurement/evidence/verdict.ts';

/** What a verdict finds wrong, one line each. */
export const wrongIn = ({ findings }: Verdict): string[] =>
  findings.filter(({ ok }) => !ok).map(({ says }) => says);

/** The gaps that it finds open and nobody waived. */
export const openIn = ({ gaps }: Verdict): GapId[] =>
  gaps.filter(({ waived }) => !waived).map(({ gap }) => gap);
