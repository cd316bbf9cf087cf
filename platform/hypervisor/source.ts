import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ownRelease } from '../../xen-releases/releases.ts';
import { cached } from '../lib/cache.ts';
import { RunError, runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { debianSource, type NewerVersion } from './debian-source.ts';
import { digestOfTree, SourceTreeError, versionOfTree } from './own-tree.ts';

/** What Xen can be built from. */
export interface FoundXen {
  /** Debian's version, with its revision; of a tree of the builder's own, what the tree says. */
  version: string;
  /** Where it comes from, for people: a Debian release, or a directory. */
  origin: string;
  /** What Debian lists as newer and was not taken. */
  newer: readonly NewerVersion[];
  /** Why nobody knows whether Debian has newer ones. */
  unasked?: string;
  /** Stands for its contents. */
  identity: string;
  /** Puts it into a directory that is not there yet. */
  unpack(tree: string): Promise<void>;
}

export interface XenSource extends FoundXen {
  /** Unpacked source with Debian's patches and ours. Shared by all builds: never write to it. */
  tree: string;
  /** Identifies the contents of `tree`, for keys of artefacts made from it. */
  key: string;
}

/**
 * Debian's newest source of Xen that can be had and that our series fits, or the tree in `directory`, which is left as it is.
 * @throws SourceTreeError for a directory that is not the release our series is for
 */
export async function findXen(directory?: string): Promise<FoundXen> {
  return directory === undefined ? debiansXen() : treeOfXen(resolve(directory));
}

async function debiansXen(): Promise<FoundXen> {
  const { source } = ownRelease;
  const packaged = async (version: string, dsc: string): Promise<FoundXen> => ({
    ...{ version, origin: `Debian ${source.codename}`, newer: [] },
    identity: await readFile(dsc, 'utf8'),
    unpack: async (tree) => void (await runProgram('dpkg-source', ['-x', dsc, tree])),
  });
  const { version, dsc, newer, unasked } = await debianSource(source, {
    identity: await seriesDigest(),
    refusal: async (candidate, file) => misfit(await packaged(candidate, file)),
  });
  return {
    ...{ ...(await packaged(version, dsc)), newer },
    ...(unasked === undefined ? {} : { unasked }),
  };
}

/** Why our series does not go onto this source; undefined when it does, or when that can't be told since it can't be unpacked. */
async function misfit(xen: FoundXen): Promise<string | undefined> {
  try {
    await patchedTree('policy', xen);
  } catch (error) {
    if (error instanceof SourceTreeError) return error.message.split('\n')[0];
    if (!(error instanceof RunError)) throw error;
  }
  return undefined;
}

async function treeOfXen(directory: string): Promise<FoundXen> {
  const version = await versionOfTree(directory);
  if (!version.startsWith(`${ownRelease.version}.`)) {
    throw new SourceTreeError(
      `${directory}: is Xen ${version}, and our series is for ${ownRelease.version}`,
      'take a tree of that release, or bring the series onto this one (xen-releases/README.md)',
    );
  }
  return {
    ...{ version, origin: directory, newer: [] },
    identity: await digestOfTree(directory),
    async unpack(tree) {
      await runProgram('cp', ['-a', directory, tree]);
      await rm(join(tree, '.git'), { recursive: true, force: true });
    },
  };
}

/**
 * Xen's source with our series on top.
 * @param purpose tells what is missed when something has to be installed
 * @param found the source; Debian's when left out
 * @throws SourceTreeError when our series does not fit
 */
export async function xenSource(
  purpose: 'policy' | 'hypervisor',
  found?: FoundXen,
): Promise<XenSource> {
  const xen = found ?? (await findXen());
  return { ...xen, ...(await patchedTree(purpose, xen)) };
}

async function patchedTree(
  purpose: 'policy' | 'hypervisor',
  xen: FoundXen,
): Promise<{ tree: string; key: string }> {
  const key = await seriesDigest(xen.identity);
  const directory = await cached('xen-source', [key], async (work) => {
    needPackages(purpose);
    const tree = join(work, 'xen');
    await xen.unpack(tree);
    for (const patch of await seriesPatches()) await apply(patch, tree, xen);
  });
  return { tree: join(directory, 'xen'), key };
}

/** Stands for our patches, and for what they are to go onto. */
async function seriesDigest(source = ''): Promise<string> {
  const digest = createHash('sha256').update(source);
  for (const patch of await seriesPatches()) digest.update(await readFile(patch));
  return digest.digest('hex');
}

async function apply(patch: string, tree: string, { version, origin }: FoundXen): Promise<void> {
  // A hunk that only fits with some context ignored may fit in the wrong place.
  const strict = ['-p1', '--fuzz=0', '--no-backup-if-mismatch'];
  await runProgram('patch', [...strict, '-d', tree, '-i', patch]).catch((error: Error) => {
    throw new SourceTreeError(
      `our series does not fit Xen ${version} from ${origin}: ${basename(patch)} fails\n${error.message}`,
      `bring ${patch} onto it`,
    );
  });
}

/** Paths of our patches for that release in the order given by the `series` file. */
export async function seriesPatches(): Promise<string[]> {
  const { patches } = ownRelease.source;
  const series = await readFile(join(patches, 'series'), 'utf8');
  return series
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((name) => join(patches, name));
}
