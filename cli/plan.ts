import type { Manifest } from '../boot-configs/manifest.ts';
import { formatMemory } from '../boot-configs/memory.ts';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { manifestReader } from './manifest-input.ts';
import { type PlannedOperation, type PlannedPhase, plannedBoot } from './plan-steps.ts';

/** `domb plan FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  try {
    const read = await manifestReader(input, terminal);
    const manifest = await read(file);
    const planned = plannedBoot(manifest, input.values.get('images'));
    if (input.flags.has('json')) {
      terminal.write(`${JSON.stringify({ manifest, ...planned }, null, 2)}\n`);
      return 0;
    }
    const memory = manifest.domains.reduce((sum, domain) => sum + domain.memoryKiB, 0);
    const { onFailure, measurement } = manifest.platform;
    terminal.write(
      `${manifest.domains.length} domains with ${formatMemory(memory)}, measured into PCR ${measurement.pcr}; ` +
        `on failure: ${onFailure}\n${planned.phases.map(phaseText).join('')}`,
    );
    if (planned.recovery) {
      const after = planned.recovery.filter(({ operations }) => operations.length > 0);
      terminal.write(`${recoveryHeading(manifest)}\n${after.map(phaseText).join('')}`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const paint = paintFor(terminal.colour);
    terminal.writeError(`${formatProblems(error.problems, error.more, paint)}\n`);
    return 1;
  }
}

function recoveryHeading({ platform, domains, recovery }: Manifest): string {
  const some = domains.filter(({ onFailure }) => onFailure === 'recovery');
  const when = platform.onFailure === 'recovery' ? '' : ` of ${some.map((d) => d.name).join(', ')}`;
  return `\nonly on failure${when}, when what was made is destroyed: recovery in ${recovery?.name}`;
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
