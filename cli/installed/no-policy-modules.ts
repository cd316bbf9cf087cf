import { Failure } from '../command.ts';

/** `domb policy build` where the command is installed without its source tree. */
export async function run(): Promise<never> {
  throw new Failure(
    'this domb was installed without the modules of our FLASK policy',
    'run "bin/domb policy build" in the source tree of domb',
  );
}
