import { stat } from 'node:fs/promises';
import { type AnyLog, readAnyLog } from '../measurement/event-log/any-log.ts';
import { EventLogError } from '../measurement/event-log/format.ts';
import { MAX_LOG_SIZE } from '../measurement/event-log/parse.ts';
import {
  type CheckedLog,
  checkMeasurementLog,
  describedEvent,
} from '../measurement/evidence/read-log.ts';
import { ownEvent } from '../measurement/formats/describe-data.ts';
import { eventLines, logJson, logProblems } from '../measurement/formats/event-listing.ts';
import { listingLines } from '../measurement/formats/listing.ts';
import { isDirty } from '../measurement/log-file.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { failureJson } from './failure-report.ts';
import { handedOverPaths } from './handed-over.ts';

/** Characters. */
const LONGEST_WRITE = 1 << 16;

/** `domb log [FILE]` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const file = input.arguments[0] ?? handedOverPaths.log;
  return failing(async (): Promise<ExitStatus> => {
    const bytes =
      file === '-' ? await terminal.read(MAX_LOG_SIZE) : await readBounded(file, MAX_LOG_SIZE);
    const log = readAnyLog(bytes);
    // domB's must be right in every bit. What is not is shown as far as it goes, like any other.
    const own = isOwn(log) ? attempt(() => checkMeasurementLog(bytes, log)) : undefined;
    const problems =
      own === undefined ? logProblems(log) : own instanceof EventLogError ? [own.message] : [];
    const failure = await failureOf(file, problems);
    if (input.flags.has('json')) {
      const failed = failure === undefined ? {} : failureJson(failure);
      terminal.write(`${JSON.stringify({ ...logJson(log), problems, ...failed }, null, 2)}\n`);
      return failure === undefined ? 0 : 1;
    }
    if (own === undefined || own instanceof EventLogError) {
      writeLines(eventLines(log), terminal);
    } else {
      const rows = function* () {
        for (const record of log.events()) yield { record, event: describedEvent(record) };
      };
      writeLines(listingLines(own, rows), terminal);
    }
    if (failure !== undefined) throw failure;
    return 0;
  });
}

/** Many lines at once: each write waits for whoever reads. */
function writeLines(lines: Iterable<string>, terminal: Terminal): void {
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < LONGEST_WRITE) continue;
    terminal.write(text);
    text = '';
  }
  terminal.write(text);
}

function isOwn(log: AnyLog): boolean {
  const { value: first } = log.events().next();
  return first !== undefined && ownEvent(first) !== undefined;
}

function attempt(read: () => CheckedLog): CheckedLog | EventLogError {
  try {
    return read();
  } catch (error) {
    if (error instanceof EventLogError) return error;
    throw error;
  }
}

/** What is wrong with the log, if anything is. */
async function failureOf(file: string, problems: readonly string[]): Promise<Failure | undefined> {
  const [problem] = problems;
  if (problem !== undefined) {
    const others = problems.length > 1 ? `; ${problems.length - 1} more above` : '';
    return new Failure(
      `${file}: ${problem}${others}`,
      'what is shown is what could be read; the log is incomplete, damaged or not as its form wants it',
    );
  }
  if (file === '-' || !isDirty((await stat(file)).mode)) return undefined;
  return new Failure(
    `${file}: marked as incomplete: its writer stopped while it was measuring`,
    'reset the machine: this log can never match the PCR',
  );
}
