import { type QuoteAttest, Tpm2Error } from 'node-tpm2-pts';
import { EventLogError, type LogEvent } from '../../event-log/format.ts';
import type { ItemResult } from '../compare.ts';
import type { Evidence } from '../evidence.ts';
import type { Expectation } from '../expectation.ts';
import type { MeasuredLog } from '../read-log.ts';
import type { Finding } from '../verdict.ts';

/** What has been established so far. A judge adds what it found to be true, and nothing else; those after it rely on it. */
export interface Seen {
  /** The message that the key signed, about the values in the evidence. */
  attest?: QuoteAttest;
  /** The log of what can be predicted: it gives the quoted values. */
  log?: MeasuredLog;
  /** The log of what differs at each boot: it gives the quoted value, and names the key that quoted. */
  bootLog?: MeasuredLog;
  /** How each item compares with the expected ones. */
  compared?: readonly ItemResult[];
  /** What firmware measured, in a log that gives the quoted values, and registers in it that are not quoted. */
  firmware?: { readonly events: readonly LogEvent[]; readonly unquoted: readonly number[] };
  /** Whether firmware measured that Secure Boot was on, in a log that gives the quoted values. */
  secureBoot?: boolean;
}

/** A finding of one check, which the table in table.ts names. */
export type Said = Omit<Finding, 'check'>;

/**
 * Looks at one thing. Says nothing when it was not asked to, or when what it needs was found wrong by another judge, who said so.
 * Never throws for anything that is in the evidence.
 */
export type Judge = (evidence: Evidence, expectation: Expectation, seen: Seen) => readonly Said[];

export const right = (...lines: readonly string[]): Said[] =>
  lines.map((says) => ({ ok: true, says }));

export const wrong = (...lines: readonly string[]): Said[] =>
  lines.map((says) => ({ ok: false, says }));

/** The result, or the message of an error that the evidence itself caused. */
export function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Tpm2Error || error instanceof EventLogError) return error.message;
    throw error;
  }
}
