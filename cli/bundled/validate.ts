import { toStatus } from '../failure-report.ts';
import { processTerminal } from '../terminal.ts';
import { run } from '../validate.ts';
import { plainInput } from './plain-input.ts';

/** `domb validate` alone, where {@link plainInput} says what is asked: half of the time to start is that of loading code. */
const argv = process.argv.slice(2);
const input = plainInput(argv);
if (input === undefined) throw new Error('this is no plain command line');
toStatus(() => run(input, processTerminal), argv, processTerminal).then((status) => {
  // All is written by now. To let Node take itself apart would take longer.
  process.exit(status);
});
