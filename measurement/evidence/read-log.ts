import { digest, type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { itemData, type Target } from '../encode.ts';
import { EVENT_TYPE, EventLogError, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { parseEventLog, parseTagged } from '../event-log/parse.ts';
import { encodeEvent, encodeHeader } from '../event-log/write.ts';
import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { Registers } from '../registers.ts';
import { isEvent, kindOf } from './item-shapes.ts';

/** A measurement log that is well-formed in every bit; whether it is true is for comparison with a TPM to say. */
export interface MeasuredLog {
  /** The first register, and the banks. */
  readonly target: Target;
  /** All registers that the log is about, in the order of their caps. */
  readonly pcrs: readonly number[];
  readonly events: readonly MeasuredEvent[];
  /** The same events, and the caps, as records; their digests are those of their data. */
  readonly records: readonly LogEvent[];
  /** Whether all registers are capped. */
  readonly capped: boolean;
}

/**
 * Reads a log by the rules of docs/measurement-log.md: digests of exactly the header's banks that are those of the data,
 * known kinds with their members, each in the register where it belongs, sequence numbers without gaps, nothing but caps after
 * a cap. Descriptions and records are
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
  const registers = new Registers(pcr);
  const events: MeasuredEvent[] = [];
  let uncapped: number[] | undefined;
  for (const [index, event] of log.events.entries()) {
    checkDigests(event, index, banks);
    if (isCap(event)) {
      uncapped ??= registers.pcrs;
      checkCap(event, index, uncapped.shift());
    } else if (uncapped) throw wrong(index, 'events follow the cap');
    else events.push(readEvent(event, index, registers));
  }
  const records = log.events;
  if (!encodeLog(banks, records).equals(bytes)) {
    throw new EventLogError('event log: not in the form in which domB writes it');
  }
  const capped = uncapped?.length === 0;
  return { target: { pcr, banks }, pcrs: registers.pcrs, events, records, capped };
}

/** An item without its place in the log. */
export function itemOf(event: MeasuredEvent): MeasuredItem {
  const { sequence: _, ...item } = event;
  return item as MeasuredItem;
}

function isCap({ type }: LogEvent): boolean {
  return type === EVENT_TYPE.SEPARATOR;
}

function checkDigests(event: LogEvent, index: number, banks: readonly HashAlgorithm[]): void {
  for (const bank of banks) {
    const logged = event.digests.get(hashId(bank));
    if (logged === undefined) throw wrong(index, `it has no ${bank} digest`);
    if (!logged.equals(digest(bank, event.data))) {
      throw wrong(index, `its ${bank} digest is not that of its data`);
    }
  }
}

function readEvent(event: LogEvent, index: number, registers: Registers): MeasuredEvent {
  if (event.type !== EVENT_TYPE.EVENT_TAG) throw wrong(index, `type 0x${event.type.toString(16)}`);
  const { tag, content } = parseTagged(event.data);
  const kind = kindOf(tag);
  if (kind === undefined) throw wrong(index, `unknown tag 0x${tag.toString(16)}`);
  const value = parseJson(content, index);
  if (!isEvent(value, kind)) throw wrong(index, `it does not describe a ${kind} event`);
  const item = itemOf(value);
  const places = registers.places(item);
  const place = places.find(({ pcr }) => pcr === event.pcr);
  if (place === undefined) {
    const pcrs = places.map(({ pcr }) => pcr).join(', ');
    throw wrong(index, `it is in PCR ${event.pcr}, and belongs into PCR ${pcrs}`);
  }
  const { sequence } = place;
  registers.add(item, [place]);
  if (value.sequence !== sequence) {
    throw wrong(index, `sequence ${value.sequence}: events are missing, repeated or out of order`);
  }
  if (!rewrite(value, index).equals(event.data)) {
    throw wrong(index, 'its description is not in the form in which domB writes it');
  }
  return value;
}

/** @param wanted the register whose cap has its turn; undefined when all are capped */
function checkCap({ pcr, data }: LogEvent, index: number, wanted: number | undefined): void {
  if (wanted === undefined) throw wrong(index, 'events follow the cap');
  if (pcr !== wanted) throw wrong(index, `a cap of PCR ${pcr}, and that of PCR ${wanted} is due`);
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
    return itemData(itemOf(event), event.sequence);
  } catch (error) {
    throw wrong(index, (error as Error).message);
  }
}

function wrong(index: number, what: string): EventLogError {
  return new EventLogError(`event log: event ${index}: ${what}`);
}
