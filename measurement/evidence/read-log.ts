import { digest, type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { itemData, type Target } from '../encode.ts';
import { EVENT_TYPE, EventLogError, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { parseEventLog, parseTagged } from '../event-log/parse.ts';
import { encodeEvent, encodeHeader } from '../event-log/write.ts';
import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { isEvent, kindOf } from './item-shapes.ts';

/** A measurement log that is well-formed in every bit; whether it is true is for comparison with a TPM to say. */
export interface MeasuredLog {
  readonly target: Target;
  readonly events: readonly MeasuredEvent[];
  /** The same events, and the cap, as records; their digests are those of their data. */
  readonly records: readonly LogEvent[];
  readonly capped: boolean;
}

/**
 * Reads a log by the rules of docs/measurement-log.md: one PCR, digests of exactly the header's banks that are those of the
 * data, known kinds with their members, sequence numbers without gaps, nothing after the cap. Descriptions and records are
 * written again and must give the same bytes, so that no bit of the log is without meaning.
 * @throws {EventLogError} naming the first event that breaks a rule
 */
export function readMeasurementLog(bytes: Uint8Array): MeasuredLog {
  const log = parseEventLog(bytes);
  const banks = log.algorithms.map(({ id, name }) => {
    if (name) return name;
    throw new EventLogError(`event log: bank of unknown algorithm 0x${id.toString(16)}`);
  });
  const pcr = log.events[0]?.pcr;
  if (pcr === undefined) throw new EventLogError('event log: it has no events');
  const target = { pcr, banks };
  const events: MeasuredEvent[] = [];
  const capped = isCap(log.events.at(-1));
  for (const [index, event] of log.events.entries()) {
    checkEnvelope(event, index, target);
    if (index === log.events.length - 1 && capped) checkCap(event, index);
    else events.push(readEvent(event, index));
  }
  const records = log.events;
  if (!encodeLog(banks, records).equals(bytes)) {
    throw new EventLogError('event log: not in the form in which domB writes it');
  }
  return { target, events, records, capped };
}

/** An item without its place in the log. */
export function itemOf(event: MeasuredEvent): MeasuredItem {
  const { sequence: _, ...item } = event;
  return item as MeasuredItem;
}

function isCap(event: LogEvent | undefined): boolean {
  return event?.type === EVENT_TYPE.SEPARATOR;
}

function checkEnvelope(event: LogEvent, index: number, { pcr, banks }: Target): void {
  if (event.pcr !== pcr) throw wrong(index, `it is in PCR ${event.pcr}, the log is of PCR ${pcr}`);
  for (const bank of banks) {
    const logged = event.digests.get(hashId(bank));
    if (logged === undefined) throw wrong(index, `it has no ${bank} digest`);
    if (!logged.equals(digest(bank, event.data))) {
      throw wrong(index, `its ${bank} digest is not that of its data`);
    }
  }
}

function readEvent(event: LogEvent, index: number): MeasuredEvent {
  if (isCap(event)) throw wrong(index, 'events follow the cap');
  if (event.type !== EVENT_TYPE.EVENT_TAG) throw wrong(index, `type 0x${event.type.toString(16)}`);
  const { tag, content } = parseTagged(event.data);
  const kind = kindOf(tag);
  if (kind === undefined) throw wrong(index, `unknown tag 0x${tag.toString(16)}`);
  const value = parseJson(content, index);
  if (!isEvent(value, kind)) throw wrong(index, `it does not describe a ${kind} event`);
  if (value.sequence !== index) {
    throw wrong(index, `sequence ${value.sequence}: events are missing, repeated or out of order`);
  }
  if (!rewrite(value, index).equals(event.data)) {
    throw wrong(index, 'its description is not in the form in which domB writes it');
  }
  return value;
}

function checkCap({ data }: LogEvent, index: number): void {
  if (!data.equals(SEPARATOR_DATA)) throw wrong(index, 'the cap does not hold four zero bytes');
}

function parseJson(content: Buffer, index: number): unknown {
  try {
    return JSON.parse(content.toString('latin1'));
  } catch {
    throw wrong(index, 'its description is not JSON');
  }
}

/** The log of these records, digests in the order of the header. */
function encodeLog(banks: readonly HashAlgorithm[], records: readonly LogEvent[]): Buffer {
  const encoded = records.map((record) => {
    const digests = banks.map((bank): [number, Buffer] => {
      const id = hashId(bank);
      return [id, record.digests.get(id) as Buffer];
    });
    return encodeEvent({ ...record, digests: new Map(digests) });
  });
  return Buffer.concat([encodeHeader(banks), ...encoded]);
}

function rewrite(event: MeasuredEvent, index: number): Buffer {
  try {
    return itemData(itemOf(event), index);
  } catch (error) {
    throw wrong(index, (error as Error).message);
  }
}

function wrong(index: number, what: string): EventLogError {
  return new EventLogError(`event log: event ${index}: ${what}`);
}
