import { type EventLog, EventLogError, type LogEvent } from './format.ts';
import { LogReader } from './log-reader.ts';
import { readHeader, readPcrEvent2 } from './records.ts';

/** Larger than any log seen, small enough to be held in memory. */
export const MAX_LOG_SIZE = 64 * 1024 * 1024;

/**
 * Parses a TCG crypto-agile event log (PC Client Platform Firmware Profile 1.05, 10.2 and 10.4.5). The wire format only:
 * whether the events are true is for replay and comparison with the TPM to say.
 *
 * Safe on hostile input: sizes and counts are checked before use, nothing is copied, work is linear in the length. A
 * record that is cut off, or a digest whose algorithm the header did not declare, is an error.
 * @throws {EventLogError}
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  if (bytes.length > MAX_LOG_SIZE) {
    throw new EventLogError(`event log: ${bytes.length} bytes, at most ${MAX_LOG_SIZE} are read`);
  }
  const reader = new LogReader(bytes);
  const { pcr, algorithms } = readHeader(reader);
  if (pcr !== 0) throw reader.error(`the header is in register ${pcr}, that of a TPM is in PCR 0`);
  const sizes = new Map(algorithms.map(({ id, size }) => [id, size]));
  const events: LogEvent[] = [];
  while (reader.remaining > 0) events.push(readPcrEvent2(reader, sizes));
  return { algorithms, events };
}

/** The content of a TCG_PCClientTaggedEvent that fills `data` exactly. */
export function parseTagged(data: Uint8Array): { tag: number; content: Buffer } {
  const reader = new LogReader(data);
  const tag = reader.u32('tag');
  const content = reader.bytes(reader.u32('tagged size'), 'tagged data');
  if (reader.remaining > 0) throw reader.error('bytes after the tagged data');
  return { tag, content };
}
