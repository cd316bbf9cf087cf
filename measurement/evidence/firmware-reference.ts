import type { PcrValues } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import { MeasurementError } from '../errors.ts';
import type { LogEvent } from '../event-log/format.ts';
import {
  eventValues,
  type FirmwareEvent,
  firmwareEvents,
  firmwareEventsJson,
  readFirmwareEvents,
} from './firmware-events.ts';

/** What somebody has reviewed of a machine's firmware: the events of some registers, and so their values. */
export interface FirmwareReference {
  readonly events: readonly FirmwareEvent[];
  /** The values that the events give. */
  readonly pcrs: PcrValues;
}

const FORMAT = 'domb-firmware-reference';
const VERSION = 1;

/** Registers that nobody can predict: firmware itself and its settings, option ROMs, partitions, the machine's maker. */
export const UNPREDICTABLE_PCRS: readonly number[] = [0, 1, 2, 3, 5, 6];

/**
 * What a true log says of these registers.
 * @param events of a log that was compared with a quote
 * @throws {MeasurementError} for a register into which nothing was measured, or whose value any machine may have
 */
export function learnFirmware(
  events: readonly LogEvent[],
  pcrs: readonly number[],
): FirmwareReference {
  const learned = firmwareEvents(events, new Set(pcrs));
  const values = eventValues(learned);
  if (![...values.keys()].some((bank) => bank !== 'sha1')) {
    throw refusedLearning('the log has no bank beyond SHA-1 in which all events have digests');
  }
  for (const pcr of pcrs) {
    for (const [bank, byPcr] of values) {
      const value = byPcr.get(pcr);
      const nothing = value === undefined || !learned.some((event) => isExtended(event, pcr));
      if (nothing) throw refusedLearning(`PCR ${pcr} is empty: nothing was measured into it`);
      if (isUniform(value)) throw refusedLearning(`PCR ${pcr} holds nothing in bank ${bank}`);
    }
  }
  return { events: learned, pcrs: values };
}

const isExtended = ({ pcr, locality }: FirmwareEvent, of: number) =>
  pcr === of && locality === undefined;

/** All zeros or all ones, as after a reset. */
const isUniform = (value: Buffer) =>
  value.every((byte) => byte === 0) || value.every((byte) => byte === 0xff);

function refusedLearning(what: string): MeasurementError {
  return new MeasurementError(
    `nothing can be learned of it: ${what}`,
    'choose the registers with --pcrs, and look at what "domb log" says of firmware.log',
  );
}

/** The reference as a file: canonical JSON, to be reviewed and signed. */
export function firmwareReferenceFile({ events, pcrs }: FirmwareReference): string {
  const values = [...pcrs].map(([bank, byPcr]) => [
    bank,
    Object.fromEntries([...byPcr].map(([pcr, value]) => [pcr, value.toString('hex')])),
  ]);
  const file = { format: FORMAT, version: VERSION, events: firmwareEventsJson(events) };
  return `${canonicalJson({ ...file, pcrs: Object.fromEntries(values) })}\n`;
}

/**
 * Reads what {@link firmwareReferenceFile} wrote. Who wrote it is not looked at: check its signature before.
 * @throws {MeasurementError} for anything else, also for values that are not those of the events
 */
export function readFirmwareReference(bytes: Uint8Array): FirmwareReference {
  const { format, version, events, pcrs, ...others } = parse(bytes);
  if (format !== FORMAT) throw refused(`it is no ${FORMAT}`);
  if (version !== VERSION) throw refused(`version ${version}, only ${VERSION} is known`);
  const [other] = Object.keys(others);
  if (other !== undefined) throw refused(`unknown member ${JSON.stringify(other)}`);
  const read = readFirmwareEvents(events, refused);
  const reference = { events: read, pcrs: eventValues(read) };
  const strong = [...reference.pcrs.keys()].some((bank) => bank !== 'sha1');
  if (!strong) throw refused('it has no value in a bank beyond SHA-1');
  const written = JSON.parse(firmwareReferenceFile(reference)).pcrs;
  if (textOf(pcrs) !== textOf(written)) throw refused('pcrs are not what the events give');
  const empty = read.find(({ pcr }) => !read.some((event) => isExtended(event, pcr)));
  if (empty !== undefined) throw refused(`nothing was measured into PCR ${empty.pcr}`);
  return reference;
}

function textOf(value: unknown): string | undefined {
  try {
    return canonicalJson(value);
  } catch {
    return undefined;
  }
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw refused('it is no JSON object');
}

function refused(what: string): MeasurementError {
  return new MeasurementError(
    `not a reference of firmware: ${what}`,
    'make one with domb reference --learn',
  );
}
