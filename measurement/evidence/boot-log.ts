import { objectName, type PcrValues } from 'node-tpm2-pts';
import type { MeasuredEvent } from '../events.ts';
import type { Evidence } from './evidence.ts';
import { type MeasuredLog, readMeasurementLog } from './read-log.ts';
import { replayProblems } from './replay-problems.ts';

/** What the log of one boot may hold; whatever can be predicted belongs into the other log. */
const KINDS: readonly MeasuredEvent['event'][] = [
  ...(['hypervisor', 'identity', 'vtpm-authority', 'attestation-key'] as const),
  ...(['script-action', 'machine-fact', 'read-back'] as const),
];

/**
 * Judges the log of what differed at this boot: it must replay to its quoted register, be capped, hold nothing that
 * belongs into the other log, and name the key that made the quote, or say that there was none when it was written.
 * @param pcr its register; the one that it names itself when left out
 * @throws {EventLogError} when the log is malformed
 */
export function bootLogProblems(
  evidence: Evidence & { bootLog: Buffer },
  pcrs: PcrValues,
  pcr?: number,
): { problems: string[]; log: MeasuredLog } {
  const log = readMeasurementLog(evidence.bootLog);
  const problems = replayProblems(log, pcrs, pcr ?? log.target.pcr);
  if (!log.capped) problems.push('the boot log has no cap: measuring was not finished');
  for (const event of log.events) {
    // A domain without which the boot may go on was given up; an error of the boot itself belongs into the other log.
    const abandoned = event.event === 'error' && event.domain !== undefined;
    if (!abandoned && !KINDS.includes(event.event)) {
      problems.push(`the boot log has a ${event.event} event, which does not belong there`);
    }
  }
  if (log.events.filter(({ event }) => event === 'hypervisor').length > 1) {
    problems.push('the boot log tells of the hypervisor twice');
  }
  const keys = log.events.filter((event) => event.event === 'attestation-key');
  const name = objectName(evidence.ak).toString('hex');
  const [key] = keys;
  if (keys.length !== 1 || (key?.missing === undefined && key?.name !== name)) {
    problems.push('the boot log does not name the key that made the quote');
  }
  if (key?.missing !== undefined && evidence.bootQuote !== undefined) {
    problems.push('the boot log says that no key quoted the boot, and there is a quote of it');
  }
  return { problems, log };
}
