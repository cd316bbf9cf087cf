import { bootQuoteProblems } from '../boot-quote.ts';
import { type Judge, right, wrong } from './judge.ts';

/** What domB had quoted before the caps. What it means that there is none is said elsewhere: in gap-judges.ts and notes.ts. */
export const judgeBootQuote: Judge = (evidence, _, { attest, log, bootLog }) => {
  const { bootQuote } = evidence;
  if (bootQuote === undefined || attest === undefined || !log?.capped) return [];
  if (evidence.bootLog !== undefined && !bootLog?.capped) return [];
  const problems = bootQuoteProblems({ evidence, bootQuote, log, bootLog });
  if (problems.length > 0) return wrong(...problems);
  return right(
    `boot quote: made before the hand-over, in the boot after reset ${attest.clock.resetCount}`,
  );
};
