import { statSync } from 'node:fs';
import type { Check } from '../boot-configs/checks/check.ts';
import type { HashedFiles } from '../boot-configs/checks/image-files.ts';
import { platformCpus } from '../boot-configs/checks/platform-cpus.ts';
import { platformMemory } from '../boot-configs/checks/platform-memory.ts';
import { cpuNumbers } from '../boot-configs/cpu-list.ts';
import { memoryKiB } from '../boot-configs/memory.ts';
import type { Policy } from '../boot-configs/policy/policy.ts';
import { bootDomainOptions } from '../platform/images/command-lines.ts';
import { Failure, type Input, UsageError } from './command.ts';

/** Bytes; policies for Xen have some 10,000, for Linux some millions. */
const MAXIMUM_POLICY = 1 << 26;

/**
 * The checks beyond the usual that the options ask for. What they need is loaded only then. `hashed` gets the digests of images
 * that had to be hashed.
 */
export async function chosenChecks(input: Input, hashed?: HashedFiles): Promise<Check[]> {
  const { values } = input;
  const directory = values.get('images');
  const policy = values.get('policy');
  const memory = values.get('platform-memory');
  const cpus = values.get('platform-cpus');
  const options = xenCommandLine(input);
  const checks: Check[] = [];
  if (directory !== undefined) {
    // Otherwise each image would be a mistake of the manifest.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Failure(`${directory}: there is no such directory`, 'check what --images names');
    }
    const { imageFiles } = await import('../boot-configs/checks/image-files.ts');
    checks.push(imageFiles(directory, hashed));
  }
  if (policy !== undefined) {
    const { knownLabels } = await import('../boot-configs/checks/known-label.ts');
    checks.push(knownLabels(await loadPolicy(policy)));
  }
  if (memory !== undefined) checks.push(platformMemory(sizeKiB(memory)));
  if (cpus !== undefined) checks.push(platformCpus(cpuList(cpus)));
  if (options !== undefined) checks.push(await xenOptionsCheck(options));
  return checks;
}

/** What Xen will be started with: as given, or what `domb image --efi` puts before it. */
function xenCommandLine({ values, flags }: Input): string | undefined {
  const given = values.get('xen-options');
  return flags.has('efi') ? [...bootDomainOptions, given ?? ''].join(' ') : given;
}

function cpuList(cpus: string): number[] {
  const ranges = /^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$/;
  if (ranges.test(cpus)) return cpuNumbers(cpus);
  throw new UsageError(`"${cpus}" is not a list of CPUs`, 'write numbers and ranges, such as 0-7');
}

async function xenOptionsCheck(options: string): Promise<Check> {
  const { xenOptions } = await import('../boot-configs/checks/xen-options.ts');
  const { grantLimitsOf, hardwareDomidOf } = await import('../bindings/creation-checks.ts');
  return xenOptions({ ...grantLimitsOf(options), hardwareDomid: hardwareDomidOf(options) });
}

function sizeKiB(memory: string): number {
  if (/^[0-9]{1,9}(MiB|GiB|TiB)$/.test(memory)) return memoryKiB(memory);
  throw new UsageError(
    `"${memory}" is not a size`,
    'write a whole number with the unit MiB, GiB or TiB, for example 16GiB',
  );
}

async function loadPolicy(file: string): Promise<Policy> {
  const { readBounded } = await import('../measurement/read-bounded.ts');
  const { readPolicy } = await import('../boot-configs/policy/policy.ts');
  const { PolicyFormatError } = await import('../boot-configs/policy/cursor.ts');
  const bytes = await readBounded(file, MAXIMUM_POLICY).catch((error: NodeJS.ErrnoException) => {
    throw error.code === undefined
      ? new Failure(error.message, 'name the policy')
      : new Failure(`${file}: the policy can't be read (${error.code})`, 'check the name');
  });
  try {
    return readPolicy(bytes);
  } catch (error) {
    if (!(error instanceof PolicyFormatError)) throw error;
    throw new Failure(
      `${file}: ${error.message}`,
      'give the binary policy for Xen that checkpolicy wrote',
    );
  }
}
