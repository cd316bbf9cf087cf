import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';

/**
 * Compiles all C files of a directory into one program, with the headers of Debian's libxen-dev; returns its path.
 * @param libraries of Xen, by the names that the linker has for them
 */
export async function xenProgram(
  name: string,
  directory: string,
  libraries: readonly string[],
): Promise<string> {
  const names = (await readdir(directory)).filter((file) => /\.[ch]$/.test(file)).sort();
  const texts = await Promise.all(names.map((file) => readFile(join(directory, file), 'utf8')));
  const version = await runProgram('dpkg-query', ['-s', 'libxen-dev']);
  const built = await cached(name, [names, texts, version, libraries], async (work) => {
    const sources = names.filter((file) => file.endsWith('.c'));
    await runProgram('gcc', [
      ...['-O2', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong', '-s'],
      ...['-o', join(work, name), ...sources.map((file) => join(directory, file))],
      ...libraries.map((library) => `-l${library}`),
    ]);
  });
  return join(built, name);
}
