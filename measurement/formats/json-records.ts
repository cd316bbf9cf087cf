import { hashById } from 'node-tpm2-pts';
import type { LogEvent } from '../event-log/format.ts';
import { EVENT_TYPE } from '../event-log/format.ts';
import { parseTagged } from '../event-log/parse.ts';

/** RFC 7464: each record begins with this. */
const RECORD_SEPARATOR = '\x1e';

/**
 * Events as a JSON text sequence, the form of systemd's /run/log/systemd/tpm2-measure.log, which systemd-pcrlock loads.
 * It checks the content of records of type "systemd" only, and takes ours as they are; one bad record spoils the file.
 */
export function jsonRecords(events: readonly LogEvent[]): string {
  return events.map((event) => `${RECORD_SEPARATOR}${JSON.stringify(record(event))}\n`).join('');
}

function record(event: LogEvent): object {
  return {
    ...measurement(event),
    content_type: 'domb',
    content:
      event.type === EVENT_TYPE.SEPARATOR
        ? { event: 'cap' }
        : JSON.parse(parseTagged(event.data).content.toString('latin1')),
  };
}

/** A `.pcrlock` file: the events that are to be expected, as systemd-pcrlock combines them into a policy. */
export function pcrlockFile(events: readonly LogEvent[]): string {
  return `${JSON.stringify({ records: events.map(measurement) })}\n`;
}

function measurement({ pcr, digests }: LogEvent) {
  return {
    pcr,
    digests: [...digests].flatMap(([id, digest]) => {
      const hashAlg = hashById(id);
      return hashAlg ? [{ hashAlg, digest: digest.toString('hex') }] : [];
    }),
  };
}
