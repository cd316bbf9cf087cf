import { readFile } from 'node:fs/promises';
import { BUNDLED_WORKER } from '../../boot-scripts/apart.ts';
import { daemonFiles } from '../../daemon/plan/compiled-code.ts';
import type { BootParts } from '../../platform/images/boot-parts.ts';
import { packagedParts } from '../../platform/images/packaged-parts.ts';
import { bootFile, lineOf } from './places.ts';

/** The parts of the package domb-boot. */
export async function bootParts(): Promise<BootParts> {
  return {
    launcher: await readFile(bootFile(daemonFiles.launcher)),
    code: await readFile(bootFile(daemonFiles.code)),
    cache: await readFile(bootFile(daemonFiles.cache)),
    worker: await readFile(bootFile(BUNDLED_WORKER)),
    runtime: bootFile(packagedParts.runtime),
    base: bootFile(packagedParts.base),
    baseUnpacked: Number(lineOf(bootFile(packagedParts.unpacked))),
    modules: lineOf(bootFile(packagedParts.modules)).split('\n'),
  };
}

/** The kernel of the package domb-boot. */
export async function bootKernel(): Promise<string> {
  return bootFile(packagedParts.kernel);
}
