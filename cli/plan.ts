import { formatMemory } from '../boot-configs/memory.ts';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { manifestReader } from './manifest-input.ts';
import { type PlannedOperation, type PlannedPhase, plannedPhases } from './plan-steps.ts';

/** `domb plan FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  try {
    const read = await manifestReader(input, terminal);
    const manifest = await read(file);
    const phases = plannedPhases(manifest, input.values.get('images'));
    if (input.flags.has('json')) {
      terminal.write(`${JSON.stringify({ manifest, phases }, null, 2)}\n`);
      return 0;
    }
    const memory = manifest.domains.reduce((sum, domain) => sum + domain.memoryKiB, 0);
    const { onFailure, measurement } = manifest.platform;
    terminal.write(
      `${manifest.domains.length} domains with ${formatMemory(memory)}, measured into PCR ${measurement.pcr}; ` +
        `on failure: ${onFailure}\n${phases.map(phaseText).join('')}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const paint = paintFor(terminal.colour);
    terminal.writeError(`${formatProblems(error.problems, error.more, paint)}\n`);
    return 1;
  }
}

function phaseText({ name, operations }: PlannedPhase, index: number): string {
  const width = Math.max(...operations.map((operation) => operation.name.length));
  const lines = operations.map((operation) => `    ${operationText(operation, width)}\n`);
  return `${String(index + 1).padStart(2)}. ${name}\n${lines.join('')}`;
}

function operationText({ name, details }: PlannedOperation, width: number): string {
  const words = Object.entries(details).map(([key, value]) => `${key} ${value}`);
  return `${name.padEnd(width)}  ${words.join(', ')}`.trimEnd();
}
