import { stat } from 'node:fs/promises';
import { MAX_LOG_SIZE, parseEventLog } from '../measurement/event-log/parse.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import { ownEvent } from '../measurement/formats/describe-data.ts';
import { eventListing, eventsJson } from '../measurement/formats/event-listing.ts';
import { listing } from '../measurement/formats/listing.ts';
import { isDirty } from '../measurement/log-file.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOver } from './handed-over.ts';

/** `domb log [FILE]` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const file = input.arguments[0] ?? handedOver.log;
  return failing(async () => {
    const bytes =
      file === '-' ? await terminal.read(MAX_LOG_SIZE) : await readBounded(file, MAX_LOG_SIZE);
    const log = parseEventLog(bytes);
    // Firmware's logs have events of many kinds, domB's have those of domB and must be right in every bit.
    const own = log.events[0] !== undefined && ownEvent(log.events[0]) !== undefined;
    if (input.flags.has('json')) terminal.write(`${JSON.stringify(eventsJson(log), null, 2)}\n`);
    else if (!own) terminal.write(eventListing(log));
    if (own) {
      const measured = readMeasurementLog(bytes, log);
      if (!input.flags.has('json')) terminal.write(listing(measured));
    }
    if (file !== '-' && isDirty((await stat(file)).mode)) {
      throw new Failure(
        `${file}: marked as incomplete: its writer stopped while it was measuring`,
        'reset the machine: this log can never match the PCR',
      );
    }
    return 0 as const;
  });
}
