import type { X509Certificate } from 'node:crypto';
import { type PcrValues, type QuoteAttest, Tpm2Error, verifyQuote } from 'node-tpm2-pts';
import { EventLogError } from '../event-log/format.ts';
import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { predict, registerValues } from '../predict.ts';
import { bootLogProblems } from './boot-log.ts';
import { compareItems, type ItemResult } from './compare.ts';
import { ekChainProblems } from './ek-chain.ts';
import { AK_PARENT, bootNonce, type Evidence } from './evidence.ts';
import { furtherProblems } from './further-pcrs.ts';
import { itemOf, type MeasuredLog, readMeasurementLog } from './read-log.ts';
import { replayProblems } from './replay-problems.ts';
import { scriptProblems } from './script-actions.ts';
import { uncheckedAlways, unmeasured } from './unchecked.ts';

export interface Expectation {
  /**
   * What the quote must carry: the verifier's fresh nonce, or `boot` for the quote that domB itself took, which is tied to
   * the logs in the evidence and fresh in no way.
   */
  readonly nonce: Uint8Array | 'boot';
  /** The PCR that the platform measures into; further ones of single domains are named by what is in it. */
  readonly pcr: number;
  /** The PCR of what differs at each boot; without it the boot log is not looked at. */
  readonly bootPcr?: number;
  /** What should have been measured, in order; without it the verdict says that nothing was compared. */
  readonly items?: readonly MeasuredItem[];
  /** Values that further PCRs must have, those of the firmware. */
  readonly pcrs?: PcrValues;
  /** TPMT_PUBLIC of the key that must have made the quote: known from enrolment, to be in this platform's TPM. */
  readonly ak?: Uint8Array;
  /** Authorities of TPM manufacturers; with them the endorsement key's certificate must be there and be theirs. */
  readonly ekAuthorities?: readonly X509Certificate[];
}

export interface Verdict {
  /** True when nothing is wrong with what was checked. */
  readonly accepted: boolean;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  /** What this verdict does not vouch for. */
  readonly notChecked: readonly string[];
  /** How each item compares; only when there was something to compare with, and quote and log are true. */
  readonly compared?: readonly ItemResult[];
  /** The registers that the log is about; only when quote and log are true. */
  readonly pcrs?: readonly number[];
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
  const notChecked = uncheckedAlways(expected);
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
      nonce: expected.nonce === 'boot' ? bootNonce(evidence) : expected.nonce,
      pcrs: evidence.pcrs,
    }),
  );
  if (typeof attest === 'string') return refuse([attest]);
  const foreign = [...keyProblems(evidence, expected), ...pcrProblems(evidence, expected)];
  const log = attempt(() => readMeasurementLog(evidence.log));
  if (typeof log === 'string') return refuse([...foreign, log], { attest });
  const untrue = replayProblems(log, evidence.pcrs, expected.pcr);
  if (untrue.length > 0) return refuse([...foreign, ...untrue], { attest });

  const boot = judgeBootLog(evidence, expected);
  if (boot === undefined) notChecked.push('what differed at this boot: UUIDs and the quoting key');
  else if (boot.problems.length > 0) return refuse([...foreign, ...boot.problems], { attest });

  notChecked.push(...unmeasured(log.events));
  const problems = [...foreign];
  if (!log.capped) problems.push('the log has no cap: measuring was not finished');
  problems.push(...scriptProblems(log, boot?.log));
  const measured = itemsOf(log);
  const compared = expected.items && compareItems(expected.items, measured);
  if (expected.items && compared) problems.push(...itemProblems(expected.items, compared, log));
  else problems.push(...measured.flatMap((item) => failure(item)));
  return {
    accepted: problems.length === 0,
    problems,
    notChecked,
    ...(compared ? { compared } : {}),
    pcrs: log.pcrs,
    events: log.events,
    ...(boot?.log ? { bootEvents: boot.log.events } : {}),
    attest,
  };
}

/** What was measured; an error is in all registers, but is one item. */
function itemsOf({ target, events, records }: MeasuredLog): MeasuredItem[] {
  return events
    .filter(({ event }, index) => event !== 'error' || records[index]?.pcr === target.pcr)
    .map(itemOf);
}

function keyProblems(evidence: Evidence, { ak, ekAuthorities }: Expectation): string[] {
  const problems: string[] = [];
  if (ak !== undefined && !evidence.ak.equals(ak)) {
    problems.push('the quote was made by another key than the enrolled one');
  }
  if (ekAuthorities === undefined) return problems;
  if (evidence.ekCertificate === undefined) return [...problems, 'there is no EK certificate'];
  return [...problems, ...ekChainProblems(evidence.ekCertificate, ekAuthorities)];
}

function pcrProblems(evidence: Evidence, { pcrs }: Expectation): string[] {
  return pcrs === undefined ? [] : furtherProblems(pcrs, evidence.pcrs);
}

function judgeBootLog(
  evidence: Evidence,
  { bootPcr }: Expectation,
): { problems: string[]; log?: MeasuredLog } | undefined {
  const { bootLog } = evidence;
  if (bootLog === undefined || bootPcr === undefined) return undefined;
  const judged = attempt(() => bootLogProblems({ ...evidence, bootLog }, evidence.pcrs, bootPcr));
  return typeof judged === 'string' ? { problems: [judged] } : judged;
}

function itemProblems(
  expected: readonly MeasuredItem[],
  compared: readonly ItemResult[],
  { target, pcrs, records, capped }: MeasuredLog,
): string[] {
  const found = compared.flatMap(({ problems }) => problems);
  if (found.length > 0) return found;
  // The words above are for people; what decides is the registers' values.
  const wanted = predict(expected, target, { capped }).pcrs;
  const same = [...registerValues(records, pcrs, target.banks)].every(([bank, values]) =>
    sameValues(values, wanted.get(bank)),
  );
  return same ? [] : ['the items differ from the expected ones'];
}

function sameValues(
  found: ReadonlyMap<number, Buffer>,
  wanted: ReadonlyMap<number, Buffer> = new Map(),
): boolean {
  return (
    found.size === wanted.size && [...found].every(([pcr, value]) => wanted.get(pcr)?.equals(value))
  );
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
