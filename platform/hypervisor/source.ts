import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';
import { debianSource } from './debian-source.ts';

const patchDirectory = join(import.meta.dirname, 'patches');

export interface XenSource {
  /** Debian's version, for example `4.17.5+72-g01140da4e8-1`. */
  version: string;
  /** Unpacked source with Debian's patches and ours. Shared by all builds: never write to it. */
  tree: string;
  /** Identifies the contents of `tree`, for keys of artefacts made from it. */
  key: string;
}

/** Xen's source as Debian has it, with our series on top. */
export async function xenSource(): Promise<XenSource> {
  const { version, dsc } = await debianSource('xen', '4.17.');
  const patches = await seriesPatches();
  const key = createHash('sha256').update(await readFile(dsc));
  for (const patch of patches) key.update(await readFile(patch));
  const digest = key.digest('hex');
  const directory = await cached('xen-source', [digest], async (work) => {
    const tree = join(work, 'xen');
    await run('dpkg-source', ['-x', dsc, tree]);
    for (const patch of patches) {
      // A hunk that only fits with some context ignored may fit in the wrong place.
      const strict = ['-p1', '--fuzz=0', '--no-backup-if-mismatch'];
      await run('patch', [...strict, '-d', tree, '-i', patch]);
    }
  });
  return { version, tree: join(directory, 'xen'), key: digest };
}

/** Paths of our patches in the order given by the `series` file. */
export async function seriesPatches(): Promise<string[]> {
  const series = await readFile(join(patchDirectory, 'series'), 'utf8');
  return series
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((name) => join(patchDirectory, name));
}
