import type { Manifest } from '../boot-configs/manifest.ts';
import { formatMemory } from '../boot-configs/memory.ts';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { manifestReader, sourceName } from './manifest-input.ts';

/** `domb validate FILE...` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const read = await manifestReader(input, terminal);
  const results: { file: string; outcome: Manifest | ManifestError }[] = [];
  for (const file of input.arguments) {
    const outcome = await read(file).catch((error: unknown) => {
      if (error instanceof ManifestError) return error;
      throw error;
    });
    results.push({ file: sourceName(file), outcome });
  }
  if (input.flags.has('json')) terminal.write(asJson(results));
  else {
    for (const { file, outcome } of results) {
      if (outcome instanceof ManifestError) {
        const paint = paintFor(terminal.colour);
        terminal.writeError(`${formatProblems(outcome.problems, outcome.more, paint)}\n`);
      } else if (!input.flags.has('quiet')) terminal.write(`${file}: ok, ${summary(outcome)}\n`);
    }
  }
  return results.some(({ outcome }) => outcome instanceof ManifestError) ? 1 : 0;
}

function asJson(results: readonly { file: string; outcome: Manifest | ManifestError }[]): string {
  const files = results.map(({ file, outcome }) =>
    outcome instanceof ManifestError
      ? { file, valid: false, problems: outcome.problems, more: outcome.more }
      : { file, valid: true, problems: [], more: false },
  );
  return `${JSON.stringify({ files }, null, 2)}\n`;
}

function summary({ domains }: Manifest): string {
  const memory = domains.reduce((sum, domain) => sum + domain.memoryKiB, 0);
  const count = domains.length === 1 ? '1 domain' : `${domains.length} domains`;
  return `${count}, ${formatMemory(memory)}`;
}
