import { hashById, hashSize } from 'node-tpm2-pts';
import { Cursor } from './cursor.ts';
import {
  EVENT_TYPE,
  type EventLog,
  EventLogError,
  type LogAlgorithm,
  type LogEvent,
  SPEC_ID_SIGNATURE,
} from './format.ts';

/** No TPM has more banks; a header that declares more is not believed. */
const MAX_ALGORITHMS = 16;
/** Largest digest that TPM 2.0 knows, SHA-512. */
const MAX_DIGEST_SIZE = 64;
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
  const cursor = new Cursor(bytes);
  const algorithms = parseHeader(cursor);
  const sizes = new Map(algorithms.map(({ id, size }) => [id, size]));
  const events: LogEvent[] = [];
  while (cursor.remaining > 0) events.push(parseEvent(cursor, sizes));
  return { algorithms, events };
}

/** The first record, a TCG_PCR_EVENT: pcr, type, SHA-1 digest, size, TCG_EfiSpecIdEvent. */
function parseHeader(cursor: Cursor): LogAlgorithm[] {
  const pcr = cursor.u32('header PCR');
  const type = cursor.u32('header type');
  const digest = cursor.bytes(20, 'header digest');
  const size = cursor.u32('header size');
  const start = cursor.position;
  const data = new Cursor(cursor.bytes(size, 'header data'), start);
  if (pcr !== 0 || type !== EVENT_TYPE.NO_ACTION || digest.some((byte) => byte !== 0)) {
    throw data.error('the first record is no EV_NO_ACTION event in PCR 0');
  }
  if (!data.bytes(16, 'signature').equals(SPEC_ID_SIGNATURE)) {
    throw data.error('no "Spec ID Event03" signature: this is no crypto-agile log');
  }
  data.bytes(8, 'platform class and version');
  const count = data.u32('number of algorithms');
  if (count === 0 || count > MAX_ALGORITHMS) throw data.error(`${count} algorithms declared`);
  const algorithms: LogAlgorithm[] = [];
  for (let i = 0; i < count; i++) algorithms.push(parseAlgorithm(data, algorithms));
  data.bytes(data.u8('vendor info size'), 'vendor info');
  if (data.remaining > 0) throw data.error('the header has bytes after the vendor info');
  return algorithms;
}

function parseAlgorithm(data: Cursor, before: readonly LogAlgorithm[]): LogAlgorithm {
  const id = data.u16('algorithm');
  const size = data.u16('digest size');
  const name = hashById(id);
  if (before.some((other) => other.id === id)) throw data.error(`algorithm ${hex(id)} twice`);
  if (size === 0 || size > MAX_DIGEST_SIZE || (name && size !== hashSize(name))) {
    throw data.error(`algorithm ${hex(id)} cannot have digests of ${size} bytes`);
  }
  return { id, size, name };
}

/** A TCG_PCR_EVENT2: pcr, type, TPML_DIGEST_VALUES, size, data. */
function parseEvent(cursor: Cursor, sizes: ReadonlyMap<number, number>): LogEvent {
  const pcr = cursor.u32('PCR');
  const type = cursor.u32('event type');
  const count = cursor.u32('number of digests');
  if (count > sizes.size) {
    throw cursor.error(`${count} digests, the header declares ${sizes.size} algorithms`);
  }
  const digests = new Map<number, Buffer>();
  for (let i = 0; i < count; i++) {
    const id = cursor.u16('digest algorithm');
    const size = sizes.get(id);
    if (size === undefined) throw cursor.error(`algorithm ${hex(id)} is not in the header`);
    if (digests.has(id)) throw cursor.error(`two digests of algorithm ${hex(id)}`);
    digests.set(id, cursor.bytes(size, 'digest'));
  }
  const data = cursor.bytes(cursor.u32('event size'), 'event data');
  return { pcr, type, digests, data };
}

/** The content of a TCG_PCClientTaggedEvent that fills `data` exactly. */
export function parseTagged(data: Uint8Array): { tag: number; content: Buffer } {
  const cursor = new Cursor(data);
  const tag = cursor.u32('tag');
  const content = cursor.bytes(cursor.u32('tagged size'), 'tagged data');
  if (cursor.remaining > 0) throw cursor.error('bytes after the tagged data');
  return { tag, content };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
