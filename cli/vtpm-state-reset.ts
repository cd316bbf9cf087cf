import { DirectoryStore, isGuestName } from '../vtpm/state/directory-store.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { STATE_DIRECTORY } from './vtpm-state-commands.ts';

/** `domb vtpm-state reset` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const [name = ''] = input.arguments;
    if (!isGuestName(name))
      throw new UsageError(
        `"${name}" is no name of a domain`,
        'give the one that the manifest has',
      );
    await new DirectoryStore(input.values.get('directory') ?? STATE_DIRECTORY).reset(name);
    terminal.write(`the TPM of ${name} is made anew when its guest starts next\n`);
    return 0;
  });
}
