import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';

/**
 * Compiles all C files of some directories into one program, with the headers of Debian's libxen-dev; returns its path.
 * @param libraries of Xen, by the names that the linker has for them
 */
export async function xenProgram(
  name: string,
  directories: readonly string[],
  libraries: readonly string[],
): Promise<string> {
  const names = (await Promise.all(directories.map((directory) => cFiles(directory)))).flat();
  const texts = await Promise.all(names.map((file) => readFile(file, 'utf8')));
  const version = await runProgram('dpkg-query', ['-s', 'libxen-dev']);
  const built = await cached(
    name,
    [names.map((file) => basename(file)), texts, version, libraries],
    async (work) => {
      const sources = names.filter((file) => file.endsWith('.c'));
      await runProgram('gcc', [
        ...['-O2', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong', '-s'],
        ...directories.map((directory) => `-I${directory}`),
        ...['-o', join(work, name), ...sources],
        ...libraries.map((library) => `-l${library}`),
      ]);
    },
  );
  return join(built, name);
}

async function cFiles(directory: string): Promise<string[]> {
  const files = await readdir(directory);
  return files
    .filter((file) => /\.[ch]$/.test(file))
    .sort()
    .map((file) => join(directory, file));
}
