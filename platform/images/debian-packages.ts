import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';

/**
 * Downloads Debian packages and unpacks them side by side, without installing anything, and returns the directory.
 * The versions are apt's candidates on this machine; apt checks the signatures as it always does.
 */
export async function debianTree(name: string, packages: readonly string[]): Promise<string> {
  const wanted = await candidates(packages);
  return cached(name, wanted, async (tree) => {
    const download = join(tree, '.download');
    await mkdir(download);
    // As root, apt would drop to a user who cannot write here and warn about it.
    const sandbox = ['-o', 'APT::Sandbox::User=root'];
    await run('apt-get', ['-qq', ...sandbox, 'download', ...wanted], { cwd: download });
    for (const file of (await readdir(download)).sort()) {
      await run('dpkg-deb', ['-x', join(download, file), tree]);
    }
    await run('rm', ['-r', download]);
  });
}

/** Resolves package names to `name=version` of apt's candidates. */
async function candidates(packages: readonly string[]): Promise<string[]> {
  const policy = await run('apt-cache', ['policy', ...packages]);
  const versions = new Map<string, string>();
  let current = '';
  for (const line of policy.split('\n')) {
    const heading = /^(\S+):$/.exec(line);
    if (heading?.[1]) current = heading[1];
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1];
    if (candidate && candidate !== '(none)') versions.set(current, candidate);
  }
  return packages.map((name) => {
    const version = versions.get(name);
    if (!version)
      throw new Error(`Debian package ${name}: apt knows no candidate (run apt-get update)`);
    return `${name}=${version}`;
  });
}

/**
 * The given packages and the library packages they depend on, transitively: what programs need to run in an image
 * that is no Debian installation. Interpreters and maintainer-script helpers are left out.
 */
export async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const text = await run('apt-cache', [
    'depends',
    '--recurse',
    ...only.map((kind) => `--no-${kind}`),
    ...packages,
  ]);
  const library = /^(lib(?!python|perl)[^:]*|zlib[^:]*|[^:]*-libs)$/;
  const names = text.split('\n').filter((line) => library.test(line));
  return [...new Set([...packages, ...names])].sort();
}

/** The newest Debian kernel package for amd64, for example `linux-image-6.1.0-56-amd64`. */
export async function kernelPackage(): Promise<string> {
  const depends = await run('apt-cache', ['depends', 'linux-image-amd64']);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!name) throw new Error('linux-image-amd64: apt names no kernel package (run apt-get update)');
  return name;
}
