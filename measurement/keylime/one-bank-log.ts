import { type HashAlgorithm, hashId, type PcrValues } from 'node-tpm2-pts';
import { EventLogError, type LogEvent } from '../event-log/format.ts';
import { parseEventLog } from '../event-log/parse.ts';
import { initialValue, replay } from '../event-log/replay.ts';
import { encodeEvent, encodeHeader } from '../event-log/write.ts';

/**
 * Several logs of one boot as one that has digests of `bank` alone, in the order given. They may declare different banks.
 * @throws {EventLogError} for a log that cannot be read, or lacks the bank
 */
export function oneBankLog(logs: readonly Uint8Array[], bank: HashAlgorithm): Buffer {
  const events = logs.flatMap((log) => parseEventLog(log).events);
  return Buffer.concat([encodeHeader([bank]), ...events.map((event) => only(event, bank))]);
}

function only(event: LogEvent, bank: HashAlgorithm): Buffer {
  const id = hashId(bank);
  const digest = event.digests.get(id);
  if (digest === undefined) throw new EventLogError(`an event has no ${bank} digest`);
  return encodeEvent({ ...event, digests: new Map([[id, digest]]) });
}

/** The quoted registers of `bank` that a log does not replay into. One without an event has to be as after a reset. */
export function unreplayed(log: Uint8Array, quoted: PcrValues, bank: HashAlgorithm): number[] {
  const values = replay(parseEventLog(log).events, bank);
  return [...(quoted.get(bank) ?? [])]
    .filter(([pcr, value]) => !value.equals(values.get(pcr) ?? initialValue(bank, pcr)))
    .map(([pcr]) => pcr);
}
