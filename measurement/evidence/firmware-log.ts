import { digest, type HashAlgorithm, hashId, type PcrValues } from 'node-tpm2-pts';
import { type AnyLog, readAnyLog } from '../event-log/any-log.ts';
import { EVENT_TYPE, EventLogError, type LogEvent } from '../event-log/format.ts';
import { initialValue, replay } from '../event-log/replay.ts';
import { SECURE_BOOT_PCR, secureBootData } from '../firmware/pcr7.ts';
import { FIRMWARE_PCRS } from './evidence.ts';

/** What a firmware's log is worth. */
export interface FirmwareLog {
  /** What is wrong with it, one line each. Nothing in it is believed then. */
  readonly problems: readonly string[];
  /** The events of firmware's PCRs, in order; only where nothing is wrong. Their types and data may still be made up. */
  readonly events: readonly LogEvent[];
  /** Registers with events that nobody can compare, since they are not quoted. */
  readonly unquoted: readonly number[];
}

/** PCRs that a TPM has. PC Client Platform TPM Profile 1.05, 4.6.2. */
const PCR_COUNT = 24;

/**
 * Compares the log that firmware left with the quoted values of PCR 0 to 7, in every bank in which they are quoted. It must be
 * read to its end, replay to all of them, and have no event in a register that belongs to another log. Safe on hostile input.
 */
export function compareFirmwareLog(bytes: Uint8Array, quoted: PcrValues): FirmwareLog {
  const refused = (...problems: string[]) => ({ problems, events: [], unquoted: [] });
  let log: AnyLog;
  try {
    log = readAnyLog(bytes);
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return refused(`firmware.log is no event log: ${error.message}`);
  }
  const form = formProblem(log);
  if (form !== undefined) return refused(form);
  const all = [...log.events()];
  const events = all.filter(({ pcr }) => FIRMWARE_PCRS.includes(pcr));
  const others = registersBeyond(all);
  const problems = [...foreignProblems(others, quoted), ...replayProblems(log, events, quoted)];
  if (problems.length > 0) return refused(...problems);
  return { problems, events, unquoted: others };
}

function formProblem({ form, registers, padding, problem }: AnyLog): string | undefined {
  if (problem !== undefined) return `firmware.log is damaged: ${problem.message}`;
  if (padding > 0) return `firmware.log is damaged: ${padding} bytes at its end are no event`;
  if (registers !== 'PCR') return "firmware.log is a confidential virtual machine's, not of a TPM";
  if (form === 'sha1') return 'firmware.log is in the SHA-1 format: it has no digests beyond SHA-1';
  return undefined;
}

/** Registers other than firmware's into which something was extended. */
function registersBeyond(events: readonly LogEvent[]): number[] {
  const extended = events.filter(({ type }) => type !== EVENT_TYPE.NO_ACTION);
  const beyond = extended.map(({ pcr }) => pcr).filter((pcr) => !FIRMWARE_PCRS.includes(pcr));
  return [...new Set(beyond)].sort((a, b) => a - b);
}

function foreignProblems(registers: readonly number[], quoted: PcrValues): string[] {
  return registers.flatMap((pcr) => {
    if (pcr >= PCR_COUNT) return [`firmware.log has events in PCR ${pcr}, which no TPM has`];
    const isQuoted = [...quoted.values()].some((values) => values.has(pcr));
    return isQuoted ? [`firmware.log has events in PCR ${pcr}, which belong into another log`] : [];
  });
}

function replayProblems(
  { algorithms }: AnyLog,
  events: readonly LogEvent[],
  quoted: PcrValues,
): string[] {
  const extended = events.filter(({ type }) => type !== EVENT_TYPE.NO_ACTION);
  const logged = new Set(extended.map(({ pcr }) => pcr));
  const problems = [...quoted].flatMap(([bank, values]) => {
    const firmware = [...values].filter(([pcr]) => FIRMWARE_PCRS.includes(pcr));
    if (firmware.length === 0) return [];
    if (!algorithms.some(({ name }) => name === bank)) return missingBank(bank, firmware);
    return bankProblems(bank, events, new Map(firmware), logged);
  });
  const strong = algorithms.some(
    ({ name }) =>
      name !== undefined &&
      name !== 'sha1' &&
      [...(quoted.get(name)?.keys() ?? [])].some((pcr) => logged.has(pcr)),
  );
  if (!strong) problems.push('firmware.log cannot be compared with anything quoted beyond SHA-1');
  return problems;
}

/** A bank that the firmware does not know stays as it was after the reset. */
function missingBank(bank: HashAlgorithm, values: readonly [number, Buffer][]): string[] {
  const used = values.filter(([pcr, value]) => !value.equals(initialValue(bank, pcr)));
  const pcrs = used.map(([pcr]) => pcr).join(', ');
  return used.length === 0
    ? []
    : [`firmware.log has no ${bank} digests, the quoted PCR ${pcrs} has`];
}

function bankProblems(
  bank: HashAlgorithm,
  events: readonly LogEvent[],
  quoted: ReadonlyMap<number, Buffer>,
  logged: ReadonlySet<number>,
): string[] {
  let replayed: Map<number, Buffer>;
  try {
    replayed = replay(events, bank);
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return [`firmware.log is damaged: bank ${bank}: ${error.message}`];
  }
  const missing = [...logged].filter((pcr) => !quoted.has(pcr)).sort((a, b) => a - b);
  const wrong = [...quoted].filter(
    ([pcr, value]) => !value.equals(replayed.get(pcr) ?? initialValue(bank, pcr)),
  );
  return [
    ...missing.map(
      (pcr) => `firmware.log has events in PCR ${pcr}, which bank ${bank} of the quote lacks`,
    ),
    ...wrong.map(
      ([pcr]) => `firmware.log does not replay to the quoted PCR ${pcr} in bank ${bank}`,
    ),
  ];
}

/**
 * What firmware says of Secure Boot. By the digest that was extended, whatever type and data the log gives: those could be made up.
 * `undefined` where it measured nothing that says so.
 */
export function claimsSecureBoot(events: readonly LogEvent[]): boolean | undefined {
  const measured = events.filter(
    ({ pcr, type }) => pcr === SECURE_BOOT_PCR && type !== EVENT_TYPE.NO_ACTION,
  );
  const says = (on: boolean) => {
    const data = secureBootData(on);
    return measured.some((event) => isDigestOf(event, data));
  };
  if (says(true)) return true;
  return says(false) ? false : undefined;
}

/** Banks by which a digest is recognised. */
const STRONG: readonly HashAlgorithm[] = ['sha256', 'sha384', 'sha512'];

function isDigestOf({ digests }: LogEvent, data: Buffer): boolean {
  return STRONG.some((bank) => digests.get(hashId(bank))?.equals(digest(bank, data)));
}
