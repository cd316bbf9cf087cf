import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Terminal } from './command.ts';

/** Runs `work`; a manifest with mistakes ends it with 1, and the mistakes are shown. */
export async function showingProblems(
  terminal: Terminal,
  work: () => Promise<ExitStatus>,
): Promise<ExitStatus> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const paint = paintFor(terminal.colour);
    terminal.writeError(`${formatProblems(error.problems, error.more, paint)}\n`);
    return 1;
  }
}
