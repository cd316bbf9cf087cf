import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '../boot-configs/checks/check.ts';
import type { HashedFiles } from '../boot-configs/checks/image-files.ts';
import { platformCpus } from '../boot-configs/checks/platform-cpus.ts';
import { type BootDomainTask, platformMemory } from '../boot-configs/checks/platform-memory.ts';
import { cpusOfList } from '../boot-configs/cpu-list.ts';
import { memoryKiB } from '../domains/memory.ts';
import { firstDomainKiB, xenSerialPorts } from '../domains/xen-options.ts';
import {
  bootDomainMiB,
  bootDomainOptions,
  initramfsSize,
} from '../platform/images/command-lines.ts';
import { Failure, type Input, UsageError } from './command.ts';
import { policyIn } from './flask-policy.ts';

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
    const { policyChecks } = await import('../boot-configs/checks/labels/policy-checks.ts');
    checks.push(...policyChecks(await policyIn(policy)));
  }
  if (memory !== undefined) {
    const bootDomainKiB =
      firstDomainKiB(options ?? '') ??
      ((task: BootDomainTask) => bootDomainKiBFor(task, directory));
    checks.push(platformMemory({ platformKiB: sizeKiB(memory), bootDomainKiB }));
  }
  if (cpus !== undefined) checks.push(platformCpus(cpuList(cpus)));
  if (options !== undefined) checks.push(...(await xenOptionsChecks(options)));
  return checks;
}

/** What `domb image` gives domB; without the directory of the images, what it gives for small ones. */
function bootDomainKiBFor(task: BootDomainTask, directory: string | undefined): number {
  const sizes = task.images.map((name) =>
    directory === undefined
      ? 0
      : (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
  );
  return (
    bootDomainMiB(
      initramfsSize(
        sizes.reduce((sum, size) => sum + size, 0),
        task,
      ),
    ) * 1024
  );
}

/** What Xen will be started with: as given, or what `domb image --efi` puts before it. */
function xenCommandLine({ values, flags }: Input): string | undefined {
  const given = values.get('xen-options');
  return flags.has('efi') ? [...bootDomainOptions, given ?? ''].join(' ') : given;
}

function cpuList(cpus: string): number[] {
  const ranges = /^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$/;
  if (ranges.test(cpus)) return cpusOfList(cpus) ?? [];
  throw new UsageError(`"${cpus}" is not a list of CPUs`, 'write numbers and ranges, such as 0-7');
}

async function xenOptionsChecks(options: string): Promise<Check[]> {
  const { xenOptions } = await import('../boot-configs/checks/xen-options.ts');
  const { grantLimitsOf, hardwareDomidOf } = await import('../bindings/xen-command-line.ts');
  const { xenSerial } = await import('../boot-configs/checks/xen-serial.ts');
  return [
    xenOptions({
      ...grantLimitsOf(options),
      hardwareDomid: hardwareDomidOf(options),
      commandLine: options,
    }),
    xenSerial(xenSerialPorts(options)),
  ];
}

function sizeKiB(memory: string): number {
  if (/^[0-9]{1,9}(MiB|GiB|TiB)$/.test(memory)) return memoryKiB(memory);
  throw new UsageError(
    `"${memory}" is not a size`,
    'write a whole number with the unit MiB, GiB or TiB, for example 16GiB',
  );
}
