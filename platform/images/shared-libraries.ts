import { realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { exists } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import type { RootTree } from './root-tree.ts';

// Where Debian keeps libraries, in the dynamic linker's order; one flat directory is enough in our images.
export const searchPath = [
  'lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu/swtpm',
];
const libraryDirectory = '/lib/x86_64-linux-gnu';

/**
 * Puts all shared libraries that the given ELF files need (DT_NEEDED, transitively) into the root tree, together
 * with the dynamic linker. Fails by name when `packageTree` lacks one.
 * @param extra those that no header names
 * @param directories of `packageTree`, in the order in which they are looked through
 */
export async function addSharedLibraries(
  root: RootTree,
  packageTree: string,
  files: readonly string[],
  extra: readonly string[] = [],
  directories: readonly string[] = searchPath,
): Promise<void> {
  const queue = [...files];
  const seen = new Set<string>();
  const want = async (soname: string, by: string) => {
    if (seen.has(soname)) return;
    seen.add(soname);
    const source = await find(packageTree, directories, soname);
    if (!source) throw new Error(`${by} needs ${soname}, which is in none of the packages`);
    await root.copy(join(libraryDirectory, soname), source, 0o755);
    queue.push(source);
  };
  for (const soname of extra) await want(soname, 'the image');
  for (let file = queue.shift(); file; file = queue.shift()) {
    for (const soname of await needed(file)) await want(soname, basename(file));
  }
  // The name that every ELF executable carries as its interpreter (System V ABI, AMD64 supplement).
  root.link('/lib64/ld-linux-x86-64.so.2', join(libraryDirectory, 'ld-linux-x86-64.so.2'));
  if (!seen.has('ld-linux-x86-64.so.2')) await want('ld-linux-x86-64.so.2', 'the image');
}

async function needed(file: string): Promise<string[]> {
  // Of what is loaded, unlike objdump, which needs section headers.
  const tags = await runProgram('readelf', ['--dynamic', '--wide', file]);
  return [...tags.matchAll(/\(NEEDED\)\s+Shared library: \[(.+)\]$/gm)].map(
    ([, soname]) => soname as string,
  );
}

async function find(
  packageTree: string,
  directories: readonly string[],
  soname: string,
): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(packageTree, directory, soname);
    if (await exists(path)) return realpath(path);
  }
  return undefined;
}
