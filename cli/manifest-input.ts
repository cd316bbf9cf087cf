import { readFile } from 'node:fs/promises';
import type { Check } from '../boot-configs/checks/check.ts';
import { platformMemory } from '../boot-configs/checks/platform-memory.ts';
import { loadManifest, type Manifest } from '../boot-configs/manifest.ts';
import { memoryKiB } from '../boot-configs/memory.ts';
import type { Policy } from '../boot-configs/policy/policy.ts';
import { ManifestError } from '../boot-configs/problems.ts';
import { Failure, type Input, type Terminal, UsageError } from './command.ts';

/** Reads and checks the manifest FILE or, for `-`, standard input. Throws a {@link ManifestError}. */
export async function readManifest(
  file: string,
  checks: readonly Check[],
  terminal: Terminal,
): Promise<Manifest> {
  const bytes = file === '-' ? await terminal.read() : await read(file);
  return loadManifest(bytes, file === '-' ? '<stdin>' : file, checks);
}

/** The checks that the options ask for. */
export async function checksOf({ values }: Input): Promise<Check[]> {
  const directory = values.get('images');
  const policy = values.get('policy');
  const memory = values.get('platform-memory');
  if (memory !== undefined && !/^[0-9]{1,9}(MiB|GiB|TiB)$/.test(memory)) {
    throw new UsageError(
      `"${memory}" is not a size`,
      'write a whole number with the unit MiB, GiB or TiB, for example 16GiB',
    );
  }
  const checks: Check[] = [];
  if (directory !== undefined) {
    // Hashing is slow to load, and most runs don't look at images.
    const { imageFiles } = await import('../boot-configs/checks/image-files.ts');
    checks.push(imageFiles(directory));
  }
  if (policy !== undefined) {
    const { knownLabels } = await import('../boot-configs/checks/known-label.ts');
    checks.push(knownLabels(await loadPolicy(policy)));
  }
  if (memory !== undefined) checks.push(platformMemory(memoryKiB(memory)));
  return checks;
}

async function loadPolicy(file: string): Promise<Policy> {
  const { readPolicy } = await import('../boot-configs/policy/policy.ts');
  const { PolicyFormatError } = await import('../boot-configs/policy/cursor.ts');
  try {
    return readPolicy(await readFile(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof PolicyFormatError) && code === undefined) throw error;
    throw new Failure(
      `${file}: ${code === undefined ? (error as Error).message : `the policy can't be read (${code})`}`,
      'give the binary policy for Xen that checkpolicy wrote',
    );
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ManifestError([
      {
        file,
        line: 1,
        col: 1,
        path: '',
        rule: 'unreadable',
        message: `the file can't be read (${code})`,
        hint:
          code === 'ENOENT'
            ? 'there is no file of this name'
            : 'check the file and its permissions',
        excerpt: '',
      },
    ]);
  }
}
