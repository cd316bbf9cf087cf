import { hashById } from 'node-tpm2-pts';
import { EventLogError, type LogAlgorithm, type LogEvent } from './format.ts';
import { LogReader } from './log-reader.ts';
import { isHeader, readHeader, readPcrEvent, readPcrEvent2 } from './records.ts';

/**
 * Which form a log has: the crypto-agile one of TPM 2.0, or that of TPM 1.2, one SHA-1 digest for each event and no header (TCG PC
 * Client Implementation Specification for Conventional BIOS 1.21, 11.3.1; TCG EFI Protocol Specification 1.22).
 */
export type LogForm = 'crypto-agile' | 'sha1';

/**
 * A log of whatever machine, as far as it can be read. Events are read afresh each time they are asked for, so that a long log costs
 * no more memory than its bytes.
 */
export interface AnyLog {
  readonly form: LogForm;
  /** What its events were extended into: a TPM's registers, or those of a confidential virtual machine (CCEL, ACPI 6.5, 5.2.34). */
  readonly registers: 'PCR' | 'RTMR';
  readonly algorithms: readonly LogAlgorithm[];
  readonly count: number;
  events(): Generator<LogEvent, void>;
  /** Bytes at its end that are all zeros or all ones, as of a table that firmware did not fill. */
  readonly padding: number;
  /** What stands at the end of what could be read, where that is not the end of the log. */
  readonly problem: EventLogError | undefined;
}

/** The register of the header in logs of confidential virtual machines; a TPM's log has it in PCR 0. */
const CC_HEADER_REGISTER = 1;

/** The PCRs of a TPM; what names another one in its first record is no log. PC Client Platform TPM Profile 1.05, 4.6.2. */
const MOST_PCRS = 24;

const SHA1: LogAlgorithm = { id: 0x0004, size: 20, name: hashById(0x0004) };

/**
 * Reads any log as far as it goes. Safe on hostile input as {@link parseEventLog} is; for showing what is there, never for a
 * verdict: that needs a log without a problem.
 * @throws {EventLogError} when not even the first record can be read
 */
export function readAnyLog(bytes: Uint8Array): AnyLog {
  const first = readPcrEvent(new LogReader(bytes));
  const agile = isHeader(first);
  if (!agile && (first.pcr >= MOST_PCRS || bytes.every((byte) => byte === 0))) {
    throw new EventLogError(
      'event log: the first record is neither the header of a crypto-agile log nor an event of the SHA-1 format',
      'give it an event log, such as binary_bios_measurements in securityfs',
    );
  }
  const start = new LogReader(bytes);
  const { pcr, algorithms } = agile ? readHeader(start) : { pcr: 0, algorithms: [SHA1] };
  const sizes = new Map(algorithms.map(({ id, size }) => [id, size]));
  const read = agile
    ? (reader: LogReader) => readPcrEvent2(reader, sizes)
    : (reader: LogReader) => readPcrEvent(reader);
  const begin = start.position;

  const walk = function* (end: number): Generator<LogEvent, void> {
    const reader = new LogReader(bytes.subarray(begin, end), begin);
    while (reader.remaining > 0) yield read(reader);
  };
  const extent = measure(bytes, begin, read);
  return {
    form: agile ? 'crypto-agile' : 'sha1',
    registers: pcr === CC_HEADER_REGISTER ? 'RTMR' : 'PCR',
    algorithms,
    count: extent.count,
    events: () => walk(extent.end),
    padding: extent.padding,
    problem: extent.problem,
  };
}

/** How far the records go, and what ends them. */
function measure(
  bytes: Uint8Array,
  begin: number,
  read: (reader: LogReader) => LogEvent,
): { count: number; end: number; padding: number; problem: EventLogError | undefined } {
  const reader = new LogReader(bytes.subarray(begin), begin);
  const used = withoutPadding(bytes);
  let [count, end] = [0, begin];
  while (reader.remaining > 0) {
    // Zeros in a record are its own; those where a record would begin are padding.
    if (end >= used) return { count, end, padding: bytes.length - end, problem: undefined };
    try {
      read(reader);
    } catch (error) {
      if (error instanceof EventLogError) return { count, end, padding: 0, problem: error };
      throw error;
    }
    count++;
    end = reader.position;
  }
  return { count, end, padding: 0, problem: undefined };
}

/** Where the bytes that are all zeros, or all ones, up to the end begin. */
function withoutPadding(bytes: Uint8Array): number {
  const last = bytes.at(-1);
  if (last !== 0x00 && last !== 0xff) return bytes.length;
  return bytes.findLastIndex((byte) => byte !== last) + 1;
}
