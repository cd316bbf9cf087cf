import { spawnSync } from 'node:child_process';
import { constants, existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unpackBzImage } from '../images/bz-image.ts';
import { compactElf } from '../images/compact-elf.ts';
import { replaceFile } from '../lib/replace-file.ts';
import { runProgram } from '../lib/run.ts';
import { HostError } from './host-error.ts';

/** Images of a manifest that stand for this host's own: its kernel, unpacked, and its initramfs. */
export const hostImages = { kernel: 'host/vmlinux', ramdisk: 'host/initrd.img' } as const;

export const isHostImage = (name: string): boolean =>
  name === hostImages.kernel || name === hostImages.ramdisk;

/** A kernel that this host has installed. */
export interface HostKernel {
  /** As `uname -r` prints it. */
  release: string;
  vmlinuz: string;
  initrd: string;
}

/**
 * The kernel of that release, or the newest of those that have an initramfs, which is what Debian boots.
 * @throws HostError where there is none
 */
export function hostKernel(root: string, wanted?: string): HostKernel {
  const boot = join(root, 'boot');
  const releases = (existsSync(boot) ? readdirSync(boot) : [])
    .flatMap((name) => /^vmlinuz-([\w.+~-]+)$/.exec(name)?.[1] ?? [])
    .filter((release) => existsSync(join(boot, `initrd.img-${release}`)))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const release = wanted === undefined ? releases.at(-1) : releases.find((each) => each === wanted);
  if (release === undefined) {
    throw new HostError(
      wanted === undefined
        ? `${boot} has no kernel (vmlinuz-RELEASE) with an initramfs (initrd.img-RELEASE)`
        : `${boot} has no kernel ${wanted} with an initramfs`,
      releases.length > 0 ? `choose from ${releases.join(', ')}` : 'install linux-image-amd64',
    );
  }
  return {
    release,
    vmlinuz: join(boot, `vmlinuz-${release}`),
    initrd: join(boot, `initrd.img-${release}`),
  };
}

/**
 * Whether this initramfs keeps what domB hands over; undefined where nothing here can look into it. The package domb-dom0 puts that in.
 */
export function keepsHandOver(initrd: string): boolean | undefined {
  for (const program of ['lsinitramfs', 'lsinitrd']) {
    const { status, stdout } = spawnSync(program, [initrd], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (status === 0) return /domb-keep/.test(stdout);
  }
  return undefined;
}

/** Has the host's own tool make the initramfs of a kernel anew. */
export async function remakeInitramfs({ release, initrd }: HostKernel): Promise<void> {
  const tool = ['update-initramfs', 'dracut'].find(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
  );
  if (tool === undefined) {
    throw new HostError(
      'there is neither update-initramfs nor dracut',
      `make ${initrd} keep the hand-over as docs/dom0.md says`,
    );
  }
  const args = tool === 'dracut' ? ['--force', initrd, release] : ['-u', '-k', release];
  // Its hook would ask for what is being done here.
  await runProgram(tool, args, { env: { ...process.env, DOMB_INSTALLING: '1' } });
}

/** Puts the host's images where a manifest that names them finds them, below `directory`. */
export async function placeHostImages(
  kernel: HostKernel,
  names: Iterable<string>,
  directory: string,
): Promise<void> {
  for (const name of names) {
    const target = join(directory, name);
    if (!isHostImage(name)) continue;
    await mkdir(dirname(target), { recursive: true });
    await replaceFile(target, async (to) => {
      if (name === hostImages.ramdisk)
        return copyFile(kernel.initrd, to, constants.COPYFILE_FICLONE);
      return writeFile(to, compactElf(await unpackBzImage(await readFile(kernel.vmlinuz))));
    });
  }
}

/** Copies the other images that the manifest names, so that releases can be made of them later. */
export async function placeOwnImages(
  from: string,
  names: Iterable<string>,
  directory: string,
): Promise<void> {
  for (const name of names) {
    if (isHostImage(name)) continue;
    const target = join(directory, name);
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { force: true });
    await copyFile(join(from, name), target, constants.COPYFILE_FICLONE).catch(
      (error: NodeJS.ErrnoException) => {
        throw new HostError(
          `${join(from, name)}: the manifest names this image, and it can't be read (${error.code})`,
          `put it there, name its directory with --images, or say ${hostImages.kernel} and ${hostImages.ramdisk} for this host's own`,
        );
      },
    );
  }
}
