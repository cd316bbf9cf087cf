import type { HashAlgorithm } from 'node-tpm2-pts';
import { eventTypeName } from '../event-log/event-types.ts';
import type { EventLog } from '../event-log/format.ts';
import { replay } from '../event-log/replay.ts';
import { describeData, ownEvent } from './describe-data.ts';
import { columns } from './listing.ts';

/** Values of all PCRs that occur in a log, by bank. */
export type ReplayedPcrs = ReadonlyMap<HashAlgorithm, ReadonlyMap<number, Buffer>>;

/** Replays every bank whose algorithm is known. @throws {EventLogError} when an event lacks a bank's digest */
export function replayAll({ algorithms, events }: EventLog): ReplayedPcrs {
  const banks = algorithms.flatMap(({ name }) => name ?? []);
  return new Map(banks.map((bank) => [bank, replay(events, bank)]));
}

/** Any crypto-agile log for people, such as the firmware's: one line for each event, then the PCR values that it gives. */
export function eventListing(log: EventLog): string {
  const rows = log.events.map((event, index) => [
    String(index + 1),
    `PCR ${event.pcr}`,
    eventTypeName(event.type),
    describeData(event),
  ]);
  const values = [...replayAll(log)].flatMap(([bank, pcrs]) => [
    `  ${bank}`,
    ...[...pcrs]
      .sort(([a], [b]) => a - b)
      .map(([pcr, value]) => `    ${String(pcr).padStart(2)}  ${value.toString('hex')}`),
  ]);
  return [...columns(rows), `PCR values after ${rows.length} events`, ...values, ''].join('\n');
}

/** The same for programs. */
export function eventsJson(log: EventLog): object {
  const names = new Map(log.algorithms.map(({ id, name }) => [id, name ?? `0x${id.toString(16)}`]));
  const events = log.events.map((event) => ({
    pcr: event.pcr,
    type: eventTypeName(event.type),
    digests: Object.fromEntries(
      [...event.digests].map(([id, value]) => [names.get(id), value.toString('hex')]),
    ),
    data: event.data.toString('hex'),
    description: ownEvent(event) ?? null,
  }));
  return { events, pcrs: pcrsJson(replayAll(log)) };
}

/** PCR values as JSON: hex by PCR, by bank. */
export function pcrsJson(pcrs: ReplayedPcrs): object {
  return Object.fromEntries(
    [...pcrs].map(([bank, values]) => [
      bank,
      Object.fromEntries([...values].map(([pcr, value]) => [pcr, value.toString('hex')])),
    ]),
  );
}
