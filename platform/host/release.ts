import { existsSync, readdirSync } from 'node:fs';
import { constants, copyFile, mkdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentDigests } from '../../measurement/content.ts';
import { hashFiles } from '../../measurement/hash-files.ts';
import type { Initramfs } from '../images/domb.ts';
import { filePiece, lengthOf, writePieces } from '../lib/pieces.ts';
import { HostError } from './host-error.ts';
import { isReleaseName } from './state.ts';

/** Everything that a boot loader starts, and what is known of it. */
export interface ReleaseParts {
  /** Files. */
  xen: string;
  kernel: string;
  policy: string;
  initramfs: Initramfs;
  xenOptions: readonly string[];
  kernelOptions: readonly string[];
  /** Words behind the name in a menu. */
  title: string;
  manifest: Uint8Array;
  /** What is measured at this boot, for comparing with other releases (prediction.ts). */
  prediction: unknown;
}

/** Names of the files of a release; boot loaders and /etc/grub.d/42_domb know the first of them. */
export const releaseFiles = {
  xen: 'xen',
  kernel: 'vmlinuz',
  initramfs: 'domb.initramfs',
  policy: 'xenpolicy',
  xenOptions: 'xen-options',
  kernelOptions: 'kernel-options',
  title: 'title',
  manifest: 'manifest.yaml',
  prediction: 'prediction.json',
} as const;

/** A boot loader's configuration takes these as they are. */
const PLAIN = /^[\w=,.:/+@%-]+$/;

/**
 * Writes a release below `directory`. What a boot starts decides its name: the same parts are the same release.
 * @param good the release that is the default, which stays as it is
 * @returns its name
 * @throws HostError where there is no room, or an option that a boot loader would read as something else
 */
export async function writeRelease(
  directory: string,
  parts: ReleaseParts,
  good?: string,
): Promise<string> {
  const odd = [...parts.xenOptions, ...parts.kernelOptions].find((each) => !PLAIN.test(each));
  if (odd !== undefined) {
    throw new HostError(
      `the option ${JSON.stringify(odd)} has characters that boot loaders read as something else`,
      'leave it out',
    );
  }
  await mkdir(directory, { recursive: true });
  await checkRoom(directory, releaseBytes(parts));
  const work = join(directory, '.new');
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  try {
    const digests: (string | undefined)[] = [];
    const { xen, kernel, policy, initramfs } = releaseFiles;
    for (const [name, from] of [
      [xen, parts.xen],
      [kernel, parts.kernel],
      [policy, parts.policy],
    ] as const) {
      digests.push(await copied(from, join(work, name)));
    }
    digests.push(await writePieces(join(work, initramfs), parts.initramfs.pieces));
    const texts = {
      [releaseFiles.xenOptions]: `${parts.xenOptions.join(' ')}\n`,
      [releaseFiles.kernelOptions]: `${parts.kernelOptions.join(' ')}\n`,
    };
    for (const [name, text] of Object.entries(texts)) {
      digests.push(contentDigests(Buffer.from(text)).sha256);
      await writeFile(join(work, name), text);
    }
    await writeFile(join(work, releaseFiles.title), `${parts.title}\n`);
    await writeFile(join(work, releaseFiles.manifest), parts.manifest);
    await writeFile(join(work, releaseFiles.prediction), JSON.stringify(parts.prediction));
    const all = contentDigests(Buffer.from(digests.join(' '))).sha256 ?? '';
    const name = all.slice(0, 12);
    // What is there may be damaged, unless the machine boots it.
    if (name === good && existsSync(join(directory, name))) return name;
    await rm(join(directory, name), { recursive: true, force: true });
    await rename(work, join(directory, name));
    return name;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Bytes that a release takes, about. */
export function releaseBytes({ xen, kernel, policy, initramfs }: ReleaseParts): number {
  return lengthOf([filePiece(xen), filePiece(kernel), filePiece(policy), ...initramfs.pieces]);
}

async function copied(from: string, to: string): Promise<string | undefined> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  return (await hashFiles([to])).get(to)?.digests.sha256;
}

async function checkRoom(directory: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  // Other things are written there, too.
  const spare = 32 * 2 ** 20;
  if (bavail * bsize >= needed + spare) return;
  const inMiB = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new HostError(
    `${directory} has ${inMiB(bavail * bsize)} free, and a release needs ${inMiB(needed + spare)}`,
    'make room there: old kernels, for example; or give the manifest smaller images',
  );
}

/** The releases that are there. */
export function releasesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter(isReleaseName).sort() : [];
}

/** Removes all releases but these. @returns the names of those that are gone */
export async function keepReleases(
  directory: string,
  kept: readonly (string | undefined)[],
): Promise<string[]> {
  const others = releasesIn(directory).filter((name) => !kept.includes(name));
  for (const name of others) await rm(join(directory, name), { recursive: true });
  return others;
}
