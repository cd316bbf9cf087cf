import { realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

/**
 * Has `write` make a file beside `path`, which takes the place of what is there when it is whole: whoever boots from it has the former file
 * or the new one. What is no file, such as a pipe, is written to itself.
 * @returns what `write` gives
 */
export async function replaceFile<T>(path: string, write: (to: string) => Promise<T>): Promise<T> {
  const former = statSync(path, { throwIfNoEntry: false });
  if (former !== undefined && !former.isFile()) return write(path);
  // Behind links, so that these stay.
  const target = former === undefined ? path : realpathSync(path);
  const partial = `${target}.partial`;
  try {
    const result = await write(partial);
    await rename(partial, target);
    return result;
  } finally {
    await rm(partial, { force: true });
  }
}
