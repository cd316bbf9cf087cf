import type { PcrValues } from 'node-tpm2-pts';
import { registerValues } from '../predict.ts';
import type { MeasuredLog } from './read-log.ts';

/**
 * What keeps a log from giving the quoted values of its registers, in all banks that are quoted and no fewer.
 * @param first the register that its first events must be in
 */
export function replayProblems(log: MeasuredLog, pcrs: PcrValues, first: number): string[] {
  const { target, records } = log;
  if (target.pcr !== first) return [`the log is of PCR ${target.pcr}, not of PCR ${first}`];
  const replayed = registerValues(records, log.pcrs, target.banks);
  return log.pcrs.flatMap((pcr) => registerProblems(pcr, replayed, pcrs));
}

function registerProblems(pcr: number, replayed: PcrValues, pcrs: PcrValues): string[] {
  const quoted = [...pcrs].filter(([, values]) => values.has(pcr)).map(([bank]) => bank);
  const problems = quoted
    .filter((bank) => !replayed.has(bank))
    .map((bank) => `the log has no ${bank} digests, the quote has ${bank}`);
  for (const [bank, values] of replayed) {
    const expected = pcrs.get(bank)?.get(pcr);
    const value = values.get(pcr);
    if (!expected) problems.push(`PCR ${pcr} is not quoted in bank ${bank}`);
    else if (!value?.equals(expected)) {
      problems.push(`the log does not replay to the quoted PCR ${pcr} in bank ${bank}`);
    }
  }
  if (!quoted.some((bank) => bank !== 'sha1')) {
    problems.push(`PCR ${pcr} is not quoted beyond SHA-1`);
  }
  return problems;
}
