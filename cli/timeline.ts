import { readBounded } from '../measurement/read-bounded.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOverPaths } from './handed-over.ts';
import { readTimeline, TimelineError } from './timeline/read-timeline.ts';
import { timelineSvg } from './timeline/svg.ts';
import { timelineTable } from './timeline/table.ts';

/** Bytes; a boot of a thousand domains leaves some megabytes. */
const MOST = 1 << 25;

/** `domb timeline [FILE]` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const file = input.arguments[0] ?? handedOverPaths.record;
  return failing(async (): Promise<ExitStatus> => {
    const bytes = file === '-' ? await terminal.read(MOST) : await readBounded(file, MOST);
    const timeline = named(file, () => readTimeline(Buffer.from(bytes).toString()));
    terminal.write(input.flags.has('svg') ? timelineSvg(timeline) : timelineTable(timeline));
    return 0;
  });
}

function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TimelineError)) throw error;
    throw new TimelineError(`${file}: ${error.message}`);
  }
}
