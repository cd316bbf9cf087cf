import { Failure } from './command.ts';

/** `domb image` where the command is installed without its source tree. */
export async function run(): Promise<never> {
  throw new Failure(
    'this domb was installed without what makes images',
    'run "npm run image" in the source tree of domb',
  );
}
