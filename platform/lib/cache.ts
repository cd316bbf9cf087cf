import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything that is built and can be built again lives here, outside the checkout. */
export const cacheDirectory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'domb');

/**
 * Returns the directory that holds the artefact `name` made from `inputs`, building it when it is not there.
 *
 * The directory's name carries a SHA-256 over `inputs` (anything JSON can hold: versions, digests, options), so
 * that a changed input is a different artefact. `build` fills an empty directory, which takes its final name only
 * when `build` succeeded: an interrupted build leaves nothing that looks finished. When one is built, what of the same
 * name has not been asked for in a month is removed.
 */
export async function cached(
  name: string,
  inputs: readonly unknown[],
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
  const target = join(cacheDirectory, name, key);
  if (await exists(target)) {
    const now = new Date();
    await utimes(target, now, now);
    return target;
  }
  await mkdir(join(cacheDirectory, name), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory, name, '.build-'));
  try {
    await build(work);
    await rename(work, target);
    await removeUnused(join(cacheDirectory, name));
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    // Another process may have finished the same artefact in the meantime.
    if (!(await exists(target))) throw error;
  }
  return target;
}

const MONTH_MS = 30 * 24 * 3600 * 1000;

/** Every use of an artefact sets its time. What an interrupted build left has that of its last step. */
async function removeUnused(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    const path = join(directory, entry);
    // Another process may remove the same.
    const used = await stat(path).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > MONTH_MS)
      await rm(path, { recursive: true, force: true });
  }
}

/** True when `path` exists, whatever it is. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
