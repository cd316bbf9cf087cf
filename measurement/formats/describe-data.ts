import { digest, hashById } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import { Cursor } from '../event-log/cursor.ts';
import { EVENT_TYPE, EventLogError, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { parseTagged } from '../event-log/parse.ts';
import type { MeasuredEvent } from '../events.ts';
import { isEvent, kindOf } from '../evidence/item-shapes.ts';
import { describe, printable, shortened } from './listing.ts';

/** EV_EFI_ACTION, EV_EFI_VARIABLE_* and types that begin with a description of a blob. PFP 1.05, table 27. */
const EFI_ACTION = 0x80000007;
const VARIABLES: readonly number[] = [0x80000001, 0x80000002, 0x8000000c, 0x800000e0];
const NAMED_BLOBS: readonly number[] = [0x8000000a, 0x8000000b];

/** Printable ASCII, perhaps terminated by zeros. */
const TEXT = /^([\x20-\x7e]+)\0*$/;

/** What an event of any log is about, in one line of printable ASCII. Nothing in it is verified but the digest, where one fits. */
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
  const name = VARIABLES.includes(type) ? variableName(data) : blobName(type, data);
  const text = name ?? TEXT.exec(data.toString('latin1'))?.[1];
  const size = data.length === 1 ? '1 byte' : `${data.length} bytes`;
  return text === undefined ? size : shortened(printable(text));
}

/** UEFI_VARIABLE_DATA: GUID, length of the name in characters, length of the data, the name in UTF-16. PFP 1.05, 10.2.6. */
function variableName(data: Buffer): string | undefined {
  return attempt(() => {
    const cursor = new Cursor(data);
    cursor.bytes(16, 'GUID');
    const characters = cursor.bytes(8, 'name length').readBigUInt64LE(0);
    cursor.bytes(8, 'data length');
    if (characters > data.length) return undefined;
    return cursor.bytes(Number(characters) * 2, 'name').toString('utf16le');
  });
}

/** Both kinds of named blob begin with a description: its size in one byte, then its text. PFP 1.05, 10.2.5. */
function blobName(type: number, data: Buffer): string | undefined {
  if (!NAMED_BLOBS.includes(type)) return undefined;
  return attempt(() => {
    const cursor = new Cursor(data);
    return cursor.bytes(cursor.u8('size'), 'description').toString('latin1');
  });
}

/** Whether the specification says that the event's digests are those of its whole data. */
function coversData({ type }: LogEvent, ours: MeasuredEvent | undefined): boolean {
  return ours !== undefined || type === EVENT_TYPE.SEPARATOR || type === EFI_ACTION;
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
