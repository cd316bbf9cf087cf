import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackageLists, SetUpError } from '../setup/packages.ts';

/**
 * Downloads Debian packages and unpacks them side by side, without installing anything, and returns the directory.
 * The versions are apt's candidates on this machine; apt checks the signatures as it always does.
 */
export async function debianTree(packages: readonly string[]): Promise<string> {
  const wanted = await candidates(packages);
  return cached('debian-packages', wanted, async (tree) => {
    await unpackPackages(wanted, tree);
    // Nothing that a program needs to run, and a fifth of the size.
    for (const name of ['doc', 'man', 'locale', 'lintian']) {
      await rm(join(tree, 'usr/share', name), { recursive: true, force: true });
    }
  });
}

/** Downloads packages, each as `name=version`, and unpacks them into `tree`. */
export async function unpackPackages(wanted: readonly string[], tree: string): Promise<void> {
  const download = await mkdtemp(join(tree, '.download-'));
  // As root, apt would drop to a user who cannot write here and warn about it.
  const sandbox = ['-o', 'APT::Sandbox::User=root'];
  await runProgram('apt-get', ['-qq', ...sandbox, 'download', ...wanted], { cwd: download });
  for (const file of (await readdir(download)).sort()) {
    await runProgram('dpkg-deb', ['-x', join(download, file), tree]);
  }
  await rm(download, { recursive: true });
}

const asked = new Map<string, Promise<string>>();

/** What apt-cache prints. It is asked once for each: it takes half a second every time, and its lists do not change meanwhile. */
function aptCache(...args: string[]): Promise<string> {
  needPackageLists();
  const key = args.join(' ');
  const answer = asked.get(key) ?? runProgram('apt-cache', args);
  asked.set(key, answer);
  return answer;
}

let locked: ReadonlyMap<string, string> | undefined;

/** Has {@link candidates} and {@link kernelPackage} give these versions, by package, in the place of apt's candidates. */
export function lockVersions(versions: ReadonlyMap<string, string>): void {
  locked = versions;
}

/** Resolves package names to `name=version` of apt's candidates. */
export async function candidates(packages: readonly string[]): Promise<string[]> {
  const known = packages.map((name) => [name, locked?.get(name)] as const);
  if (known.every(([, version]) => version !== undefined)) {
    return known.map(([name, version]) => `${name}=${version}`);
  }
  const policy = await aptCache('policy', ...packages);
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
    if (!version) throw unknownPackage(name);
    return `${name}=${version}`;
  });
}

/**
 * The given packages and the library packages they depend on, transitively: what programs need to run in an image
 * that is no Debian installation. Interpreters and maintainer-script helpers are left out.
 */
export async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const without = only.map((kind) => `--no-${kind}`);
  const text = await aptCache('depends', '--recurse', ...without, ...packages);
  const library = /^(lib(?!python|perl)[^:]*|zlib[^:]*|[^:]*-libs)$/;
  const names = text.split('\n').filter((line) => library.test(line));
  return [...new Set([...packages, ...names])].sort();
}

/** The newest Debian kernel package for amd64, for example `linux-image-6.1.0-56-amd64`. */
export async function kernelPackage(): Promise<string> {
  const kernel = [...(locked?.keys() ?? [])].find((name) => name.startsWith('linux-image-'));
  if (kernel !== undefined) return kernel;
  const depends = await aptCache('depends', 'linux-image-amd64');
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!name) throw unknownPackage('linux-image-amd64');
  return name;
}

function unknownPackage(name: string): SetUpError {
  return new SetUpError(
    `apt does not know the Debian package ${name}`,
    'run "sudo apt-get update"',
  );
}
