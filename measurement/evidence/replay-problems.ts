import type { PcrValues } from 'node-tpm2-pts';
import { pcrValues } from '../predict.ts';
import type { MeasuredLog } from './read-log.ts';

/** What keeps a log from giving the quoted values of `pcr`, in all banks that are quoted and no fewer. */
export function replayProblems(
  { target, records }: MeasuredLog,
  pcrs: PcrValues,
  pcr: number,
): string[] {
  if (target.pcr !== pcr) return [`the log is of PCR ${target.pcr}, not of PCR ${pcr}`];
  const quoted = [...pcrs].filter(([, values]) => values.has(pcr)).map(([bank]) => bank);
  const problems = quoted
    .filter((bank) => !target.banks.includes(bank))
    .map((bank) => `the log has no ${bank} digests, the quote has ${bank}`);
  for (const [bank, value] of pcrValues(records, target)) {
    const expected = pcrs.get(bank)?.get(pcr);
    if (!expected) problems.push(`PCR ${pcr} is not quoted in bank ${bank}`);
    else if (!expected.equals(value)) {
      problems.push(`the log does not replay to the quoted PCR ${pcr} in bank ${bank}`);
    }
  }
  if (!quoted.some((bank) => bank !== 'sha1')) {
    problems.push(`PCR ${pcr} is not quoted beyond SHA-1`);
  }
  return problems;
}
