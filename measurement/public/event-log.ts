/**
 * `node-tpm2-pts/event-log`: TCG event logs of any machine: reading them, replaying them to PCR values, showing and writing them.
 *
 * {@link readAnyLog} reads as far as a log goes and says what ends it; {@link parseEventLog} takes nothing but a log that is whole.
 * Neither trusts a byte of it.
 */
export { type AnyLog, type LogForm, readAnyLog } from '../event-log/any-log.ts';
export { eventTypeName } from '../event-log/event-types.ts';
export {
  EVENT_TYPE,
  type EventLog,
  EventLogError,
  type LogAlgorithm,
  type LogEvent,
} from '../event-log/format.ts';
export { MAX_LOG_SIZE, parseEventLog } from '../event-log/parse.ts';
export { BankReplay, extend, initialValue, replay, startupLocality } from '../event-log/replay.ts';
export { encodeEvent, encodeHeader } from '../event-log/write.ts';
export { describeData } from '../formats/describe-data.ts';
export {
  eventLines,
  type Listed,
  logJson,
  logProblems,
  type ReplayedPcrs,
} from '../formats/event-listing.ts';
export { pcrlockFile } from '../formats/json-records.ts';
