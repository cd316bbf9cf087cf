import { constants } from 'node:fs';
import { copyFile, link, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { cacheDirectory } from '../lib/cache.ts';

/**
 * Makes `directory` one that has all these images under their names, as --images of the command domb takes it, without a
 * second copy of them where the file system allows that. What lay there is removed.
 */
export async function placeImages(
  directory: string,
  images: ReadonlyMap<string, string>,
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  for (const [name, path] of images) {
    await placeFile(join(directory, name), path);
  }
}

/** Makes `target` the file at `path`, without a second copy of it where the file system allows that. What was there is removed. */
export async function placeFile(target: string, path: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  if (isArtefact(path)) await share(path, target);
  else await symlink(resolve(path), target);
}

/** What the cache holds stays usable when the cache is removed; a file of somebody's is that file. */
function isArtefact(path: string): boolean {
  return !relative(cacheDirectory, resolve(path)).startsWith('..');
}

/** A copy on write, else the same file under another name, else a copy. */
async function share(path: string, target: string): Promise<void> {
  await copyFile(path, target, constants.COPYFILE_FICLONE_FORCE)
    .catch(() => rm(target, { force: true }).then(() => link(path, target)))
    .catch(() => copyFile(path, target));
}
