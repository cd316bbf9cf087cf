import { binaryDigest, type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import type { Target } from '../encode.ts';
import type { AnyLog } from '../event-log/any-log.ts';
import {
  EVENT_TYPE,
  type EventLog,
  EventLogError,
  type LogAlgorithm,
  type LogEvent,
  SEPARATOR_DATA,
} from '../event-log/format.ts';
import { parseEventLog, parseTagged } from '../event-log/parse.ts';
import { encodeHeader } from '../event-log/write.ts';
import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { Registers } from '../registers.ts';
import { isEvent, kindOf } from './item-shapes.ts';

/** What is known of a measurement log that is well-formed in every bit; whether it is true is for comparison with a TPM to say. */
export interface CheckedLog {
  /** The first register, and the banks. */
  readonly target: Target;
  /** All registers that the log is about, in the order of their caps. */
  readonly pcrs: readonly number[];
  /** Whether all registers are capped. */
  readonly capped: boolean;
}

/** Such a log with what it says. */
export interface MeasuredLog extends CheckedLog {
  readonly events: readonly MeasuredEvent[];
  /** The same events, and the caps, as records; their digests are those of their data. */
  readonly records: readonly LogEvent[];
}

/**
 * Reads a log by the rules of docs/measurement-log.md: digests of exactly the header's banks that are those of the data,
 * known kinds with their members, each in the register where it belongs, sequence numbers without gaps, nothing but caps after
 * a cap. Descriptions and records are
 * written again and must give the same bytes, so that no bit of the log is without meaning.
 * @param log the same as {@link parseEventLog} gives it, where that was done before
 * @throws {EventLogError} naming the first event that breaks a rule
 */
export function readMeasurementLog(
  bytes: Uint8Array,
  log: EventLog = parseEventLog(bytes),
): MeasuredLog {
  const check = new LogCheck(log.algorithms, log.events[0]);
  const events = log.events.flatMap((event) => check.take(event) ?? []);
  checkHeader(bytes, check.banks);
  return { ...check.end(), events, records: log.events };
}

/**
 * The same rules for a log that is not to be held in memory: its events are read, and forgotten, one after the other.
 * @throws {EventLogError} naming the first event that breaks a rule
 */
export function checkMeasurementLog(bytes: Uint8Array, log: AnyLog): CheckedLog {
  if (log.problem) throw log.problem;
  if (log.padding > 0) throw new EventLogError(`event log: ${log.padding} bytes of padding`);
  const { value: first } = log.events().next();
  const check = new LogCheck(log.algorithms, first || undefined);
  for (const event of log.events()) check.take(event);
  checkHeader(bytes, check.banks);
  return check.end();
}

/** The rules, applied to one event after the other. */
class LogCheck {
  readonly banks: readonly HashAlgorithm[];
  readonly #ids: readonly number[];
  readonly #registers: Registers;
  #index = 0;
  /** Registers whose caps are due; undefined before the first cap. */
  #uncapped: number[] | undefined;

  constructor(algorithms: readonly LogAlgorithm[], first: LogEvent | undefined) {
    this.banks = algorithms.map(({ id, name }) => {
      if (name) return name;
      throw new EventLogError(`event log: bank of unknown algorithm 0x${id.toString(16)}`);
    });
    if (first === undefined) throw new EventLogError('event log: it has no events');
    this.#ids = this.banks.map(hashId);
    this.#registers = new Registers(first.pcr);
  }

  /** What the next event describes; undefined for a cap. */
  take(event: LogEvent): MeasuredEvent | undefined {
    const index = this.#index++;
    checkDigests(event, index, this.#ids, this.banks);
    if (isCap(event)) {
      this.#uncapped ??= this.#registers.pcrs;
      checkCap(event, index, this.#uncapped.shift());
      return undefined;
    }
    if (this.#uncapped) throw wrong(index, 'events follow the cap');
    return readEvent(event, index, this.#registers);
  }

  end(): CheckedLog {
    const { first: pcr, pcrs } = this.#registers;
    return { target: { pcr, banks: this.banks }, pcrs, capped: this.#uncapped?.length === 0 };
  }
}

/** The description in an event of a log that was checked before; undefined for a cap. */
export function describedEvent(event: LogEvent): MeasuredEvent | undefined {
  if (isCap(event)) return undefined;
  return JSON.parse(parseTagged(event.data).content.toString('latin1'));
}

/** An item without its place in the log. */
export function itemOf(event: MeasuredEvent): MeasuredItem {
  const { sequence: _, ...item } = event;
  return item as MeasuredItem;
}

function isCap({ type }: LogEvent): boolean {
  return type === EVENT_TYPE.SEPARATOR;
}

/** What the parser does not look at, such as versions, must be what domB writes, too. */
function checkHeader(bytes: Uint8Array, banks: readonly HashAlgorithm[]): void {
  const header = encodeHeader(banks);
  if (header.equals(bytes.subarray(0, header.length))) return;
  throw new EventLogError('event log: not in the form in which domB writes it');
}

function checkDigests(
  { digests, data }: LogEvent,
  index: number,
  ids: readonly number[],
  banks: readonly HashAlgorithm[],
): void {
  const order = [...digests.keys()];
  for (const [place, bank] of banks.entries()) {
    const logged = digests.get(ids[place] as number);
    if (logged === undefined) throw wrong(index, `it has no ${bank} digest`);
    if (logged.toString('latin1') !== binaryDigest(bank, data)) {
      throw wrong(index, `its ${bank} digest is not that of its data`);
    }
    if (order[place] !== ids[place]) {
      throw wrong(index, 'its digests are not in the order of the header');
    }
  }
}

function readEvent(event: LogEvent, index: number, registers: Registers): MeasuredEvent {
  if (event.type !== EVENT_TYPE.EVENT_TAG) throw wrong(index, `type 0x${event.type.toString(16)}`);
  const { tag, content } = parseTagged(event.data);
  const kind = kindOf(tag);
  if (kind === undefined) throw wrong(index, `unknown tag 0x${tag.toString(16)}`);
  const text = content.toString('latin1');
  const value = parseJson(text, index);
  if (!isEvent(value, kind)) throw wrong(index, `it does not describe a ${kind} event`);
  const places = registers.places(value);
  const place = places.find(({ pcr }) => pcr === event.pcr);
  if (place === undefined) {
    const pcrs = places.map(({ pcr }) => pcr).join(', ');
    throw wrong(index, `it is in PCR ${event.pcr}, and belongs into PCR ${pcrs}`);
  }
  const { sequence } = place;
  registers.add(value, [place]);
  if (value.sequence !== sequence) {
    throw wrong(index, `sequence ${value.sequence}: events are missing, repeated or out of order`);
  }
  if (canonicalText(value, index) !== text) {
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

function parseJson(text: string, index: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(index, 'its description is not JSON');
  }
}

function canonicalText(event: MeasuredEvent, index: number): string {
  try {
    return canonicalJson(event);
  } catch (error) {
    throw wrong(index, (error as Error).message);
  }
}

function wrong(index: number, what: string): EventLogError {
  return new EventLogError(`event log: event ${index}: ${what}`);
}
