import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything that is built and can be built again lives here, outside the checkout. */
export const cacheDirectory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'domb');

const checkout = join(import.meta.dirname, '../..');

const DAY_MS = 24 * 3600 * 1000;

/** How long an artefact may lie unused. What is made of our own sources is another one with each of their changes. */
const KEPT_DAYS = { month: 30, day: 1 };

/**
 * Returns the directory that holds the artefact `name` made from `inputs`, building it when it is not there.
 *
 * The directory's name carries a SHA-256 over `inputs` (anything JSON can hold: versions, digests, options, paths of
 * other artefacts), so that a changed input is a different artefact. Neither the checkout nor the cache may lie anywhere
 * particular for that. `build` fills an empty directory, which takes its final name only when `build` succeeded: an interrupted
 * build leaves nothing that looks finished. When one is built, what has not been asked for as long as it is kept is
 * removed, of whatever name.
 */
export async function cached(
  name: string,
  inputs: readonly unknown[],
  build: (directory: string) => Promise<void>,
  kept: keyof typeof KEPT_DAYS = 'month',
): Promise<string> {
  const target = join(cacheDirectory, name, keyOf(name, inputs));
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
    for (const other of await readdir(cacheDirectory)) await removeUnused(other, KEPT_DAYS.month);
    await removeUnused(name, KEPT_DAYS[kept]);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    // Another process may have finished the same artefact in the meantime.
    if (!(await exists(target))) throw error;
  }
  return target;
}

/** The same for equal inputs, wherever checkout and cache are. */
function keyOf(name: string, inputs: readonly unknown[]): string {
  const inText = (path: string) => JSON.stringify(`${path}/`).slice(1, -1);
  const text = JSON.stringify(inputs).replaceAll(inText(cacheDirectory), '');
  if (text.includes(inText(checkout))) {
    throw new Error(
      `the inputs of ${name} name a place in the checkout: give contents or versions, or each checkout gets its own artefact`,
    );
  }
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const artefact = /^(\.build-.*|[0-9a-f]{16})$/;

/** Every use of an artefact sets its time. What an interrupted build left has that of its last step. */
async function removeUnused(name: string, days: number): Promise<void> {
  const directory = join(cacheDirectory, name);
  for (const entry of await readdir(directory).catch(() => [])) {
    if (!artefact.test(entry)) continue;
    const path = join(directory, entry);
    // Another process may remove the same.
    const used = await stat(path).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > days * DAY_MS)
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
