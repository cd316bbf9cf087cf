import { readFile, stat } from 'node:fs/promises';
import { grantLimitsOf, hardwareDomidOf } from '../../bindings/xen-command-line.ts';
import { imageFiles } from '../../boot-configs/checks/image-files.ts';
import { policyChecks } from '../../boot-configs/checks/labels/policy-checks.ts';
import { platformCpus } from '../../boot-configs/checks/platform-cpus.ts';
import { platformMemory } from '../../boot-configs/checks/platform-memory.ts';
import { xenOptions } from '../../boot-configs/checks/xen-options.ts';
import { xenSerial } from '../../boot-configs/checks/xen-serial.ts';
import { loadManifest } from '../../boot-configs/load.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { readFlaskPolicy } from '../../boot-configs/policy/policy.ts';
import { xenSerialPorts } from '../../domains/xen-options.ts';
import { bootDomainMiB, bootDomainOptions, initramfsSize } from '../images/command-lines.ts';
import { consoleOptions } from '../machine/machine.ts';
import type { DemoRun } from './arguments.ts';
import { answeringDom0 } from './firmware-check.ts';
import { demoImages } from './image-check.ts';

export interface CheckedManifest {
  manifest: Manifest;
  bytes: Buffer;
}

/**
 * Reads the manifest `source` and checks it, the images that lie in the directory of --images, and the names of all others,
 * before anything is built. Throws a ManifestError with every mistake.
 */
export async function checkedManifest(
  source: string,
  {
    images,
    memoryMiB,
    cpus,
    firmware,
  }: Pick<DemoRun, 'images' | 'memoryMiB' | 'cpus' | 'firmware'>,
  ownImages: readonly string[],
): Promise<CheckedManifest> {
  if (images !== undefined && !(await stat(images).catch(() => undefined))?.isDirectory()) {
    throw new Error(`${images}: there is no such directory; check what --images names`);
  }
  const bytes = await readFile(source).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${source}: the manifest can't be read (${error.code})`);
  });
  const xen = [...bootDomainOptions, ...consoleOptions].join(' ');
  const manifest = loadManifest(bytes, source, [
    demoImages(images, ownImages),
    platformMemory({
      platformKiB: memoryMiB * 1024,
      bootDomainKiB: (task) => bootDomainMiB(initramfsSize(0, task)) * 1024,
    }),
    platformCpus([...Array(cpus).keys()]),
    xenOptions({
      ...grantLimitsOf(xen),
      hardwareDomid: hardwareDomidOf(xen),
      commandLine: xen,
    }),
    xenSerial(xenSerialPorts(xen)),
    ...(firmware ? [answeringDom0] : []),
  ]);
  return { manifest, bytes };
}

/** What could not be checked before all images and the policy were built: the same for all, and the labels. */
export async function checkBuilt(
  source: string,
  bytes: Buffer,
  imageDirectory: string,
  policy: string,
): Promise<void> {
  const labels = policyChecks(readFlaskPolicy(await readFile(policy)));
  loadManifest(bytes, source, [imageFiles(imageDirectory), ...labels]);
}
