import { Failure } from '../command.ts';

/** Boot scripts are read by a second module and by what Node 20 lacks. Neither is in one file. */
export function startThread(): never {
  throw new Failure(
    'domb-verify does not read boot scripts, which this manifest has',
    'have "domb predict --reference-out" write a reference in the source tree of domb, and give it with --reference',
  );
}
