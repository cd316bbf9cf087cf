import {
  digest,
  type HashAlgorithm,
  hashAlgorithms,
  hashById,
  hashId,
  hashSize,
  type PcrValues,
} from 'node-tpm2-pts';
import type { MeasurementError } from '../errors.ts';
import { eventTypeName } from '../event-log/event-types.ts';
import { EVENT_TYPE, type LogEvent } from '../event-log/format.ts';
import { BankReplay, encodeStartupLocality, startupLocality } from '../event-log/replay.ts';
import { describeData } from '../formats/describe-data.ts';

/** An event of the firmware's as references keep it: enough to replay it, and to tell people what it was. */
export interface FirmwareEvent {
  readonly pcr: number;
  /** Its type's name, or number in hex. The TPM does not vouch for it. */
  readonly type: string;
  /** What was extended, by bank. */
  readonly digests: ReadonlyMap<HashAlgorithm, Buffer>;
  /** Where TPM2_Startup came from; of the one event that extends nothing and still counts. PFP 1.05, 10.4.5.3. */
  readonly locality?: number;
  /** What it is about, in a line of escaped ASCII. Where the digests are not those of the data, it says "unproven". */
  readonly text: string;
}

/** The events of these registers that decide what these hold. */
export function firmwareEvents(
  events: readonly LogEvent[],
  pcrs: ReadonlySet<number>,
): FirmwareEvent[] {
  return events
    .filter(({ pcr }) => pcrs.has(pcr))
    .flatMap((event) => {
      const { pcr, type } = event;
      const named = { pcr, type: eventTypeName(type), text: provenText(event) };
      if (type !== EVENT_TYPE.NO_ACTION) return [{ ...named, digests: digestsOf(event) }];
      const locality = pcr === 0 ? startupLocality(event.data) : undefined;
      return locality === undefined ? [] : [{ ...named, digests: new Map(), locality }];
    });
}

/** What an event says of itself. Only where its digests are those of its data was that measured. */
function provenText(event: LogEvent): string {
  const { digests, data, type } = event;
  if (data.length === 0) return '';
  const text = describeData(event);
  if (type === EVENT_TYPE.NO_ACTION) return text;
  const known = [...digests].flatMap(([id, value]) => {
    const bank = hashById(id);
    return bank === undefined ? [] : [{ bank, value }];
  });
  const proven = known.every(({ bank, value }) => digest(bank, data).equals(value));
  return proven && known.length > 0 ? text : `unproven: ${text}`;
}

function digestsOf({ digests }: LogEvent): Map<HashAlgorithm, Buffer> {
  return new Map(
    [...digests].flatMap(([id, value]): [HashAlgorithm, Buffer][] => {
      const bank = hashById(id);
      return bank === undefined ? [] : [[bank, value]];
    }),
  );
}

/** The values that events give, in the banks that all of them have digests for. */
export function eventValues(events: readonly FirmwareEvent[]): PcrValues {
  const extended = events.filter(({ locality }) => locality === undefined);
  const banks = hashAlgorithms.filter(
    (bank) => extended.length > 0 && extended.every(({ digests }) => digests.has(bank)),
  );
  return new Map(
    banks.map((bank) => {
      const replay = new BankReplay(bank);
      for (const event of events) replay.take(recordOf(event));
      return [bank, replay.pcrs()];
    }),
  );
}

function recordOf({ pcr, digests, locality }: FirmwareEvent): LogEvent {
  const data = locality === undefined ? Buffer.alloc(0) : encodeStartupLocality(locality);
  const type = locality === undefined ? EVENT_TYPE.SEPARATOR : EVENT_TYPE.NO_ACTION;
  return {
    pcr,
    type,
    data,
    digests: new Map([...digests].map(([b, value]) => [hashId(b), value])),
  };
}

/** Events as a reference file has them. */
export function firmwareEventsJson(events: readonly FirmwareEvent[]): object[] {
  return events.map(({ digests, locality, ...event }) => ({
    ...event,
    digests: Object.fromEntries([...digests].map(([bank, value]) => [bank, value.toString('hex')])),
    ...(locality === undefined ? {} : { locality }),
  }));
}

/**
 * Reads what {@link firmwareEventsJson} gave.
 * @param refused makes the error, from what is wrong
 */
export function readFirmwareEvents(
  value: unknown,
  refused: (what: string) => MeasurementError,
): FirmwareEvent[] {
  if (!Array.isArray(value)) throw refused('events is no list');
  return value.map((event, index) => {
    const read = readEvent(event);
    if (read === undefined) throw refused(`event ${index} is none of the firmware's`);
    return read;
  });
}

const MEMBERS = ['pcr', 'type', 'digests', 'locality', 'text'];
const FIRMWARE_REGISTERS = 8;

function readEvent(value: unknown): FirmwareEvent | undefined {
  if (!isObject(value) || Object.keys(value).some((name) => !MEMBERS.includes(name)))
    return undefined;
  const { pcr, type, locality, text } = value;
  const digests = readDigests(value.digests);
  if (!isBelow(pcr, FIRMWARE_REGISTERS) || digests === undefined) return undefined;
  if (typeof type !== 'string' || !/^(EV_[A-Z0-9_]+|0x[0-9a-f]{8})$/.test(type)) return undefined;
  if (typeof text !== 'string' || !/^[\x20-\x7e]*$/.test(text)) return undefined;
  if (locality === undefined) return digests.size === 0 ? undefined : { pcr, type, digests, text };
  const counts = pcr === 0 && digests.size === 0 && isBelow(locality, 256);
  return counts ? { pcr, type, digests, locality, text } : undefined;
}

function readDigests(value: unknown): Map<HashAlgorithm, Buffer> | undefined {
  if (!isObject(value)) return undefined;
  const digests = new Map<HashAlgorithm, Buffer>();
  for (const [name, hex] of Object.entries(value)) {
    const bank = hashAlgorithms.find((known) => known === name);
    if (bank === undefined || typeof hex !== 'string' || !/^[0-9a-f]*$/.test(hex)) return undefined;
    if (hex.length !== 2 * hashSize(bank)) return undefined;
    digests.set(bank, Buffer.from(hex, 'hex'));
  }
  return digests;
}

const isBelow = (value: unknown, limit: number): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < limit;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
