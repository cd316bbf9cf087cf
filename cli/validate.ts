import type { Manifest } from '../boot-configs/manifest.ts';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { formatMemory } from '../domains/memory.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { manifestReader, sourceName } from './manifest-input.ts';

interface Result {
  file: string;
  outcome: Manifest | ManifestError;
  notChecked: string[];
}

/** `domb validate FILE...` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const read = await manifestReader(input, terminal);
  const results: Result[] = [];
  for (const file of input.arguments) {
    const outcome = await read(file).catch((error: unknown) => {
      if (error instanceof ManifestError) return error;
      throw error;
    });
    const notChecked = await leftUnchecked(input, outcome);
    results.push({ file: sourceName(file), outcome, notChecked });
  }
  if (input.flags.has('json')) terminal.write(asJson(results));
  else {
    for (const { file, outcome, notChecked } of results) {
      if (outcome instanceof ManifestError) {
        const paint = paintFor(terminal.colour);
        terminal.writeError(`${formatProblems(outcome.problems, outcome.more, paint)}\n`);
      } else if (!input.flags.has('quiet')) {
        terminal.write(`${file}: ok, ${[summary(outcome), ...notChecked].join('; ')}\n`);
      }
    }
  }
  return results.some(({ outcome }) => outcome instanceof ManifestError) ? 1 : 0;
}

/** What an option asked for and cannot be done here; said, so that nobody takes it for done. */
async function leftUnchecked(input: Input, outcome: Manifest | ManifestError): Promise<string[]> {
  if (!input.values.has('images') || outcome instanceof ManifestError) return [];
  if (outcome.scripts.length === 0) return [];
  const { canCheckTypes } = await import('../boot-scripts/type-check.ts');
  return canCheckTypes() ? [] : ['scripts not type-checked: there is no TypeScript compiler here'];
}

function asJson(results: readonly Result[]): string {
  const files = results.map(({ file, outcome, notChecked }) =>
    outcome instanceof ManifestError
      ? { file, valid: false, problems: outcome.problems, more: outcome.more, notChecked }
      : { file, valid: true, problems: [], more: false, notChecked },
  );
  return `${JSON.stringify({ files }, null, 2)}\n`;
}

function summary({ domains }: Manifest): string {
  const memory = domains.reduce((sum, domain) => sum + domain.memoryKiB, 0);
  const count = domains.length === 1 ? '1 domain' : `${domains.length} domains`;
  return `${count}, ${formatMemory(memory)}`;
}
