import { createInterface } from 'node:readline/promises';
import { Failure, type Input, type Terminal } from '../command.ts';

/**
 * Has the user agree to what was shown.
 * @returns false where nothing is to be changed
 * @throws Failure where there is nobody to ask
 */
export async function agreed({ flags }: Input, terminal: Terminal): Promise<boolean> {
  if (flags.has('dry-run')) {
    terminal.write('Nothing was changed (--dry-run)\n');
    return false;
  }
  if (flags.has('yes')) return true;
  if (!process.stdin.isTTY) {
    throw new Failure(
      'there is nobody to ask: standard input is no terminal',
      'add --yes to go on without, or --dry-run to change nothing',
    );
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question('Go on? [y/N] ');
  asking.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  terminal.write('Nothing was changed\n');
  return false;
}
