import { join } from 'node:path';
import { measuredImages } from '../boot-configs/all-domains.ts';
import type { HashedFiles } from '../boot-configs/checks/image-files.ts';
import type { Manifest } from '../boot-configs/manifest.ts';
import { formatMemory } from '../domains/memory.ts';
import type { ContentDescription } from '../measurement/events.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { manifestSource } from './manifest-input.ts';
import { type PlannedOperation, type PlannedPhase, plannedBoot } from './plan-steps.ts';
import { checkPolicyChoice } from './policy-choice.ts';

/** `domb plan FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  checkPolicyChoice(input);
  const read = await manifestSource(input, terminal);
  const { manifest, hashed } = await read(file);
  const parts = { policy: !input.flags.has('no-policy'), signed: input.values.has('key') };
  const planned = plannedBoot(manifest, parts, await imageContents(manifest, input, hashed));
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
}

/** Sizes and digests of the images below the directory of --images, by their paths in the manifest. */
async function imageContents(
  manifest: Manifest,
  { values }: Input,
  hashed: HashedFiles,
): Promise<ReadonlyMap<string, ContentDescription>> {
  const directory = values.get('images');
  if (directory === undefined) return new Map();
  const { hashFiles } = await import('../measurement/hash-files.ts');
  const files = new Map([...measuredImages(manifest)].map((path) => [path, join(directory, path)]));
  const unknown = [...files.values()].filter((file) => !hashed.has(file));
  const described = new Map([...hashed, ...(await hashFiles(unknown, ['sha256']))]);
  return new Map(
    [...files].flatMap(([path, file]) => {
      const description = described.get(file);
      return description === undefined ? [] : [[path, description] as const];
    }),
  );
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
