import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { imageNames } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { Parts } from './parts.ts';

/** The demo's own parts, but for the images that the manifest names and `directory` has; `say` is told whose each is. */
export async function chosenParts(
  built: Parts,
  manifest: Manifest,
  directory: string | undefined,
  say: (line: string) => void,
): Promise<Parts> {
  if (directory === undefined) return built;
  const images = new Map(built.images);
  for (const name of imageNames(manifest)) {
    const path = join(directory, name);
    const there = (await stat(path).catch(() => undefined)) !== undefined;
    if (there) images.set(name, path);
    say(`  ${name}: ${there ? path : "the demo's own"}`);
  }
  return { ...built, images };
}

/** True when the hardware domain's ramdisk has the very bytes of the demo's dom0 in it, which answers questions. */
export async function hasOwnDom0(
  { domains }: Manifest,
  parts: Parts,
  built: Parts,
): Promise<boolean> {
  const hardware = domains.find(({ capabilities }) => capabilities.includes('hardware'));
  const own = await readFile(built.images.get('dom0.cpio.zst') ?? '');
  for (const name of hardware?.ramdisk ?? []) {
    const path = parts.images.get(name) ?? '';
    if ((await stat(path)).size === own.length && own.equals(await readFile(path))) return true;
  }
  return false;
}
