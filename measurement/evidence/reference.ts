import { type HashAlgorithm, hashAlgorithms, hashSize, type PcrValues } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import { MeasurementError } from '../errors.ts';
import type { EventKind, MeasuredItem } from '../events.ts';
import {
  eventValues,
  type FirmwareEvent,
  firmwareEventsJson,
  readFirmwareEvents,
} from './firmware-events.ts';
import { isEvent } from './item-shapes.ts';

/** What a verifier compares evidence with when the images themselves are not at hand. */
export interface Reference {
  /** The PCR of what can be predicted, and that of what differs at each boot. */
  readonly pcr: number;
  readonly bootPcr: number;
  /** What must have been measured, in order. */
  readonly items: readonly MeasuredItem[];
  /** Values that further PCRs must have, those of the firmware, by bank and PCR. */
  readonly pcrs: PcrValues;
  /** The events that give those values, as far as they are known. */
  readonly firmwareEvents?: readonly FirmwareEvent[];
}

const FORMAT = 'domb-reference';
/** The second one has events of the firmware; what has none is still written as the first. */
const VERSIONS: readonly unknown[] = [1, 2];

/** What a boot that went well measures into the PCR that can be predicted. */
const PREDICTED: readonly EventKind[] = [
  'daemon',
  'policy',
  'signature-key',
  'manifest',
  'script',
  'configuration',
  'domain',
  'image',
];

/** Larger than any reference; more is not read. */
export const MAX_REFERENCE_SIZE = 16 * 1024 * 1024;

/** The reference as a file: canonical JSON, so that the same platform gives the same bytes to sign. */
export function referenceFile(reference: Reference): string {
  const { pcr, bootPcr, items, pcrs, firmwareEvents = [] } = reference;
  const values = [...pcrs].map(([bank, byPcr]) => [
    bank,
    Object.fromEntries([...byPcr].map(([number, value]) => [number, value.toString('hex')])),
  ]);
  const more = firmwareEvents.length > 0 ? { events: firmwareEventsJson(firmwareEvents) } : {};
  const version = firmwareEvents.length > 0 ? 2 : 1;
  const file = { format: FORMAT, version, pcr, bootPcr, items, ...more };
  return `${canonicalJson({ ...file, pcrs: Object.fromEntries(values) })}\n`;
}

/**
 * Reads what {@link referenceFile} wrote. Who wrote it is not looked at: check its signature before.
 * @throws {MeasurementError} for anything else, also for members that are not known here
 */
export function readReference(bytes: Uint8Array): Reference {
  const value = parse(bytes);
  const { format, version, pcr, bootPcr, items, pcrs, ...later } = value;
  if (format !== FORMAT) throw refused(`it is no ${FORMAT}`);
  if (!VERSIONS.includes(version)) throw refused(`version ${version}, only 1 and 2 are known`);
  const { events, ...rest } = later;
  const others = version === 1 ? later : rest;
  const [other] = Object.keys(others);
  if (other !== undefined) throw refused(`unknown member ${JSON.stringify(other)}`);
  if (!isPcr(pcr) || !isPcr(bootPcr)) throw refused('pcr or bootPcr is no PCR');
  if (!Array.isArray(items) || items.length === 0) throw refused('it has no items');
  for (const [index, item] of items.entries()) {
    if (!isExpected(item)) throw refused(`item ${index} is nothing that a good boot measures`);
  }
  const values = readPcrs(pcrs);
  if (version === 1) return { pcr, bootPcr, items, pcrs: values };
  return { pcr, bootPcr, items, pcrs: values, firmwareEvents: eventsOf(events, values) };
}

/** Firmware's events, which must give the very values that are there of their registers. */
function eventsOf(value: unknown, pcrs: PcrValues): FirmwareEvent[] {
  const events = readFirmwareEvents(value, refused);
  const given = eventValues(events);
  if (given.size === 0) throw refused('its events give no value');
  for (const [bank, values] of given) {
    for (const [pcr, result] of values) {
      if (pcrs.get(bank)?.get(pcr)?.equals(result)) continue;
      throw refused(`pcrs.${bank}.${pcr} is not what its events give`);
    }
  }
  return events;
}

/** An item as it is before it gets its place in the log; of a kind that can be predicted. */
function isExpected(item: unknown): item is MeasuredItem {
  if (!isObject(item) || Object.hasOwn(item, 'sequence')) return false;
  const kind = PREDICTED.find((known) => known === item.event);
  return kind !== undefined && isEvent({ ...item, sequence: 0 }, kind) && isWritable(item);
}

/** Whether it has the canonical form in which it is measured. */
function isWritable(item: unknown): boolean {
  try {
    return canonicalJson(item) !== '';
  } catch {
    return false;
  }
}

function readPcrs(value: unknown): PcrValues {
  if (!isObject(value)) throw refused('pcrs is no object');
  return new Map(
    Object.entries(value).map(([name, values]) => {
      const bank = hashAlgorithms.find((known) => known === name);
      if (bank === undefined || !isObject(values)) throw refused(`pcrs: ${name} is no bank`);
      return [bank, readBank(bank, values)];
    }),
  );
}

function readBank(bank: HashAlgorithm, values: Record<string, unknown>): Map<number, Buffer> {
  return new Map(
    Object.entries(values).map(([name, hex]) => {
      const digits = 2 * hashSize(bank);
      if (!/^(0|[1-9]\d?)$/.test(name) || !isPcr(Number(name))) {
        throw refused(`pcrs.${bank}: ${name} is no PCR`);
      }
      if (typeof hex !== 'string' || hex.length !== digits || !/^[0-9a-f]*$/.test(hex)) {
        throw refused(`pcrs.${bank}.${name}: ${digits} lower-case hex digits are wanted`);
      }
      return [Number(name), Buffer.from(hex, 'hex')];
    }),
  );
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // Said below.
  }
  throw refused('it is no JSON object');
}

function isPcr(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 24;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(what: string): MeasurementError {
  return new MeasurementError(
    `not a reference file: ${what}`,
    'make one with domb predict --reference-out',
  );
}
