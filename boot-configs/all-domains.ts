import type { DomainSettings, Manifest } from './manifest.ts';

/** The domains of every boot, in start order, and the one that only a failed boot starts. */
export function allDomains({ domains, recovery }: Manifest): readonly DomainSettings[] {
  return recovery === undefined ? domains : [...domains, recovery];
}

/** The images and scripts that the manifest has measured, each once. */
export function measuredImages(manifest: Manifest): ReadonlySet<string> {
  const images = allDomains(manifest).flatMap(({ kernel, ramdisk, measurement }) => [
    kernel,
    ...(measurement.components.includes('ramdisk') ? ramdisk : []),
  ]);
  return new Set([...images, ...manifest.scripts.map(({ run }) => run)]);
}

/** The images and scripts that the manifest names, each once: what a boot image has to hold. */
export function imageNames(manifest: Manifest): ReadonlySet<string> {
  const images = allDomains(manifest).flatMap(({ kernel, ramdisk }) => [kernel, ...ramdisk]);
  return new Set([...images, ...manifest.scripts.map(({ run }) => run)]);
}
