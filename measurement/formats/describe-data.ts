import { digest, hashById } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import { EVENT_TYPE, EventLogError, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { parseTagged } from '../event-log/parse.ts';
import { startupLocality } from '../event-log/replay.ts';
import type { MeasuredEvent } from '../events.ts';
import { isEvent, kindOf } from '../evidence/item-shapes.ts';
import {
  describeBlob,
  describeGpt,
  describeImageLoad,
  describeNamedBlob,
  describeVariable,
} from './firmware/efi-events.ts';
import { describe, escaped, shortened } from './listing.ts';

/** How the data of firmware's events are told, by event type. PFP 1.05, table 27. */
const FIRMWARE: ReadonlyMap<number, (data: Buffer) => string> = new Map([
  [0x80000001, describeVariable], // EV_EFI_VARIABLE_DRIVER_CONFIG
  [0x80000002, describeVariable], // EV_EFI_VARIABLE_BOOT
  [0x8000000c, describeVariable], // EV_EFI_VARIABLE_BOOT2
  [0x800000e0, describeVariable], // EV_EFI_VARIABLE_AUTHORITY
  [0x80000003, describeImageLoad], // EV_EFI_BOOT_SERVICES_APPLICATION
  [0x80000004, describeImageLoad], // EV_EFI_BOOT_SERVICES_DRIVER
  [0x80000005, describeImageLoad], // EV_EFI_RUNTIME_SERVICES_DRIVER
  [0x80000006, describeGpt], // EV_EFI_GPT_EVENT
  [0x80000008, describeBlob], // EV_EFI_PLATFORM_FIRMWARE_BLOB
  [0x8000000a, describeNamedBlob], // EV_EFI_PLATFORM_FIRMWARE_BLOB2
  [0x8000000b, describeNamedBlob], // EV_EFI_HANDOFF_TABLES2
]);

/**
 * Types of firmware's whose digests are those of the whole data: EV_EFI_VARIABLE_DRIVER_CONFIG, where Secure Boot's state is;
 * EV_EFI_GPT_EVENT, EV_EFI_ACTION. PFP 1.05, table 27. EV_EFI_VARIABLE_AUTHORITY should be one; shim measures a part of it.
 */
const MEASURED_WHOLE: readonly number[] = [0x80000001, 0x80000006, 0x80000007];

/** Paths and command lines are worth more of a line than other texts. */
const LONGEST_TEXT = 240;

/** Printable ASCII with line breaks and tabs, perhaps terminated by zeros. */
const TEXT = /^([\x20-\x7e\t\r\n]+)\0*$/;

/** What an event of any log is about, in one line of escaped ASCII. Nothing in it is verified but the digest, where one fits. */
export function describeData(event: LogEvent): string {
  const ours = ownEvent(event);
  const what = ours ? `${ours.event}: ${describe(ours)}` : foreign(event);
  return coversData(event, ours) && !digestsFit(event) ? `${what} [NOT WHAT WAS MEASURED]` : what;
}

/** The description in an event that domB wrote; undefined for all others. */
export function ownEvent({ type, data }: LogEvent): MeasuredEvent | undefined {
  if (type !== EVENT_TYPE.EVENT_TAG) return undefined;
  try {
    const { tag, content } = parseTagged(data);
    const kind = kindOf(tag);
    const value: unknown = kind && JSON.parse(content.toString('latin1'));
    return kind && isEvent(value, kind) && isWritable(value) ? value : undefined;
  } catch (error) {
    if (error instanceof EventLogError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether there is a canonical text of it, as there is of all that domB writes. */
function isWritable(value: MeasuredEvent): boolean {
  try {
    return canonicalJson(value) !== '';
  } catch {
    return false;
  }
}

function foreign({ type, data }: LogEvent): string {
  if (type === EVENT_TYPE.SEPARATOR && data.length === 4) {
    return data.equals(SEPARATOR_DATA) ? 'end of a phase' : `separator ${data.toString('hex')}`;
  }
  const locality = type === EVENT_TYPE.NO_ACTION ? startupLocality(data) : undefined;
  if (locality !== undefined) return `TPM2_Startup came from locality ${locality}`;
  // TCG_Sp800_155_PlatformId_Event and its successors: the signature, with a number, in 16 bytes. PFP 1.05, 10.4.5.2.
  const signature = /^SP800-155 Event\d?/.exec(data.toString('latin1', 0, 16))?.[0];
  if (type === EVENT_TYPE.NO_ACTION && signature) return `${signature}: where reference values are`;
  const said = firmwareText(type, data) ?? taggedText(type, data) ?? plainText(data);
  return said === undefined ? size(data) : shortened(escaped(said), LONGEST_TEXT);
}

const size = ({ length }: Buffer): string => (length === 1 ? '1 byte' : `${length} bytes`);

function firmwareText(type: number, data: Buffer): string | undefined {
  return attempt(() => FIRMWARE.get(type)?.(data));
}

/** What is in a TCG_PCClientTaggedEvent that is not domB's: systemd-stub's and Linux's command lines. PFP 1.05, 10.4.2.1. */
function taggedText(type: number, data: Buffer): string | undefined {
  if (type !== EVENT_TYPE.EVENT_TAG) return undefined;
  return attempt(() => {
    const { tag, content } = parseTagged(data);
    return `tag 0x${tag.toString(16)}, ${plainText(content) ?? size(content)}`;
  });
}

/** A text in ASCII, or in UTF-16 as EFI programs have their command lines; undefined for what is no text. */
function plainText(data: Buffer): string | undefined {
  const ascii = TEXT.exec(data.toString('latin1'))?.[1];
  if (ascii !== undefined) return ascii.trimEnd();
  return data.length % 2 === 0 ? TEXT.exec(data.toString('utf16le'))?.[1]?.trimEnd() : undefined;
}

/** Whether the specification says that the event's digests are those of its whole data. */
function coversData({ type }: LogEvent, ours: MeasuredEvent | undefined): boolean {
  return ours !== undefined || type === EVENT_TYPE.SEPARATOR || MEASURED_WHOLE.includes(type);
}

function digestsFit({ digests, data }: LogEvent): boolean {
  return [...digests].every(([id, value]) => {
    const bank = hashById(id);
    return bank === undefined || digest(bank, data).equals(value);
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof EventLogError) return undefined;
    throw error;
  }
}
