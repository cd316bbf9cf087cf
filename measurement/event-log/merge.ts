import { EventLogError, type LogEvent } from './format.ts';
import { parseEventLog } from './parse.ts';
import { encodeEvent } from './write.ts';

/**
 * The firmware's log with `events` behind it: one crypto-agile log from reset to the platform's start. The digests of each
 * event are put in the order of the firmware's header, which must declare the same banks.
 */
export function appendEvents(firmware: Uint8Array, events: readonly LogEvent[]): Buffer {
  const { algorithms } = parseEventLog(firmware);
  const records = events.map((event) => {
    const digests = algorithms.map(({ id, name }): [number, Buffer] => {
      const digest = event.digests.get(id);
      if (digest) return [id, digest];
      throw new EventLogError(
        `the firmware's log has bank ${name ?? `0x${id.toString(16)}`}, the events have no digest for it`,
        'keep the two logs apart: TPM and firmware disagree about the active banks',
      );
    });
    if (digests.length !== event.digests.size) {
      throw new EventLogError(
        "the events have digests of a bank that the firmware's log does not declare",
        'keep the two logs apart: TPM and firmware disagree about the active banks',
      );
    }
    return encodeEvent({ ...event, digests: new Map(digests) });
  });
  return Buffer.concat([firmware, ...records]);
}
