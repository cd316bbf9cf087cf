import { type QuoteAttest, Tpm2Error, verifyQuote } from 'node-tpm2-pts';
import { EventLogError } from '../event-log/format.ts';
import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { pcrValues, predict } from '../predict.ts';
import { bootLogProblems } from './boot-log.ts';
import { compareItems } from './compare.ts';
import { AK_PARENT, type Evidence } from './evidence.ts';
import { itemOf, type MeasuredLog, readMeasurementLog } from './read-log.ts';
import { replayProblems } from './replay-problems.ts';

export interface Expectation {
  /** What the quote must carry: the verifier's fresh nonce. */
  readonly nonce: Uint8Array;
  /** The PCR that the platform measures into. */
  readonly pcr: number;
  /** The PCR of what differs at each boot; without it the boot log is not looked at. */
  readonly bootPcr?: number;
  /** What should have been measured, in order; without it the verdict says that nothing was compared. */
  readonly items?: readonly MeasuredItem[];
}

export interface Verdict {
  /** True when nothing is wrong with what was checked. */
  readonly accepted: boolean;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  /** What this verdict does not vouch for. */
  readonly notChecked: readonly string[];
  /** What was measured; only when quote and log are true. */
  readonly events?: readonly MeasuredEvent[];
  /** What differed at this boot; only when its log is true. */
  readonly bootEvents?: readonly MeasuredEvent[];
  /** Clock, counters and firmware version; only when the quote is true. */
  readonly attest?: QuoteAttest;
}

/**
 * Judges evidence without a TPM and without trusting where it came from: the quote, then the log against the quoted values,
 * then each item against the expected ones. Never throws for anything that is in the evidence.
 */
export function verifyEvidence(evidence: Evidence, expected: Expectation): Verdict {
  const notChecked = ['that the attestation key is in a genuine TPM', 'the firmware, PCR 0 to 7'];
  if (!expected.items) notChecked.push('the measured items: nothing to compare them with');
  const refuse = (problems: string[], rest: Partial<Verdict> = {}): Verdict => ({
    accepted: false,
    problems,
    notChecked,
    ...rest,
  });

  const attest = attempt(() =>
    verifyQuote(evidence.quote, {
      ak: evidence.ak,
      parent: AK_PARENT,
      nonce: expected.nonce,
      pcrs: evidence.pcrs,
    }),
  );
  if (typeof attest === 'string') return refuse([attest]);
  const log = attempt(() => readMeasurementLog(evidence.log));
  if (typeof log === 'string') return refuse([log], { attest });
  const untrue = replayProblems(log, evidence.pcrs, expected.pcr);
  if (untrue.length > 0) return refuse(untrue, { attest });

  const { bootLog } = evidence;
  const boot =
    bootLog && expected.bootPcr !== undefined
      ? attempt(() =>
          bootLogProblems({ ...evidence, bootLog }, evidence.pcrs, expected.bootPcr ?? 0),
        )
      : undefined;
  if (typeof boot === 'string') return refuse([boot], { attest });
  if (boot === undefined) notChecked.push('what differed at this boot: UUIDs and the quoting key');
  else if (boot.problems.length > 0) return refuse(boot.problems, { attest });

  const problems = log.capped ? [] : ['the log has no cap: measuring was not finished'];
  const measured = log.events.map(itemOf);
  if (expected.items) problems.push(...itemProblems(expected.items, measured, log));
  else problems.push(...measured.flatMap((item) => failure(item)));
  return {
    accepted: problems.length === 0,
    problems,
    notChecked,
    events: log.events,
    ...(boot ? { bootEvents: boot.log.events } : {}),
    attest,
  };
}

function itemProblems(
  expected: readonly MeasuredItem[],
  measured: readonly MeasuredItem[],
  { target, records, capped }: MeasuredLog,
): string[] {
  const problems = compareItems(expected, measured);
  if (problems.length > 0) return problems;
  // The words above are for people; what decides is the PCR's value.
  const wanted = predict(expected, target, { capped }).values;
  const same = [...pcrValues(records, target)].every(([bank, value]) =>
    wanted.get(bank)?.equals(value),
  );
  return same ? [] : ['the items differ from the expected ones'];
}

function failure(item: MeasuredItem): string[] {
  return item.event === 'error' ? [`the boot failed: ${item.what}`] : [];
}

/** The result, or the message of an error that the evidence itself caused. */
function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Tpm2Error || error instanceof EventLogError) return error.message;
    throw error;
  }
}
