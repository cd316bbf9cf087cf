import { digest, type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { canonicalJson } from './canonical-json.ts';
import { EVENT_TYPE, type LogEvent, SEPARATOR_DATA } from './event-log/format.ts';
import { encodeTagged } from './event-log/write.ts';
import { EVENT_TAGS, type MeasuredItem } from './events.ts';

/** Where and how events are measured. */
export interface Target {
  readonly pcr: number;
  readonly banks: readonly HashAlgorithm[];
}

/** The data of an item's event: its tag and its canonical JSON with the sequence number. */
export function itemData(item: MeasuredItem, sequence: number): Buffer {
  const json = canonicalJson({ ...item, sequence });
  return encodeTagged(EVENT_TAGS[item.event], Buffer.from(json, 'latin1'));
}

/**
 * The log event of an item: EV_EVENT_TAG. The digest of each bank is the hash of the whole event data, so that nothing in
 * the event is left unauthenticated.
 */
export function encodeItem(item: MeasuredItem, sequence: number, target: Target): LogEvent {
  return measured(EVENT_TYPE.EVENT_TAG, itemData(item, sequence), target);
}

/** The event that ends the measurements of a PCR: EV_SEPARATOR over four zero bytes. */
export function encodeCap(target: Target): LogEvent {
  return measured(EVENT_TYPE.SEPARATOR, SEPARATOR_DATA, target);
}

function measured(type: number, data: Buffer, { pcr, banks }: Target): LogEvent {
  const digests = new Map(banks.map((bank) => [hashId(bank), digest(bank, data)]));
  return { pcr, type, digests, data };
}
