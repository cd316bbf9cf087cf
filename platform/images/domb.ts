import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageNames } from '../../boot-configs/all-domains.ts';
import { loadManifest } from '../../boot-configs/load.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { BUNDLED_WORKER } from '../../boot-scripts/apart.ts';
import { daemonFiles } from '../../daemon/plan/compiled-code.ts';
import { paths, type Settings } from '../../daemon/plan/settings.ts';
import type { Piece } from '../../initramfs/cpio.ts';
import { filePiece, lengthOf } from '../lib/pieces.ts';
import { type BootParts, bootParts } from './boot-parts.ts';
import { type InitramfsSize, taskBytes } from './command-lines.ts';
import { compress } from './compress.ts';
import { runtimePaths } from './mounted-runtime.ts';
import { RootTree } from './root-tree.ts';

/** Where the daemon is in the image. */
export const daemonDirectory = '/usr/lib/domb';

/** What a boot image can hold beside the manifest and its images. */
export interface ImageExtras {
  /** A compiled FLASK policy: domB measures it and puts it into force. */
  policy?: Uint8Array | undefined;
  /** A public key in PEM form, and the manifest's detached signature: domB boots nothing that is not signed with it. */
  signature?: { key: Uint8Array; bytes: Uint8Array } | undefined;
}

/** An initramfs, as pieces. */
export interface Initramfs extends InitramfsSize {
  pieces: readonly Piece[];
}

export interface BootImage {
  manifest: Manifest;
  /** domB's initramfs. */
  initramfs: Initramfs;
}

/**
 * Makes domB's initramfs for one manifest: the runtime, the daemon, the manifest, and the images that the manifest
 * names and no others.
 * @param source name of the manifest in messages
 * @param findImage gives the file for an image path of the manifest; it fails for a path it does not know
 */
export async function buildBootImage(
  manifestBytes: Uint8Array,
  source: string,
  findImage: (path: string) => Promise<string>,
  extras: ImageExtras = {},
): Promise<BootImage> {
  const manifest = loadManifest(manifestBytes, source);
  const images = new Map<string, string>();
  for (const name of imageNames(manifest)) images.set(name, await findImage(name));
  const { measurement } = manifest.platform;
  // Before the manifest is measured there is no recovery.
  const onFailure = manifest.platform.onFailure === 'reboot' ? 'reboot' : 'halt';
  const { pcr, bootPcr } = measurement;
  const settings = { pcr, bootPcr, onFailure } as const;
  const initramfs = await composeBootImage(manifestBytes, settings, images, extras);
  const { domains, recovery, scripts } = manifest;
  const largestKiB = Math.max(
    ...[...domains, ...(recovery ? [recovery] : [])].map(({ memoryKiB }) => memoryKiB),
  );
  const later = initramfs.later + taskBytes({ largestKiB, scripts: scripts.length > 0 });
  return { manifest, initramfs: { ...initramfs, later } };
}

/**
 * Puts an initramfs together without looking into the manifest. Tests use it for images that {@link buildBootImage}
 * would refuse to make.
 * @param images contents or files by the names of the manifest
 */
export async function composeBootImage(
  manifestBytes: Uint8Array,
  settings: Pick<Settings, 'pcr' | 'bootPcr' | 'onFailure'>,
  images: ReadonlyMap<string, Uint8Array | string>,
  { policy, signature }: ImageExtras = {},
): Promise<Initramfs> {
  const parts = await bootParts();
  const complete: Settings = {
    ...settings,
    policy: policy !== undefined,
    signed: signature !== undefined,
    modules: [...parts.modules],
  };
  const root = new RootTree()
    .file(paths.manifest, manifestBytes)
    .file(paths.settings, `${JSON.stringify(complete)}\n`)
    .place(runtimePaths.file, parts.runtime);
  if (policy) root.file(paths.policy, policy);
  if (signature) {
    root.file(paths.signatureKey, signature.key).file(paths.signature, signature.bytes);
  }
  let later = 0;
  for (const [name, image] of images) {
    const path = `${paths.images}/${name}`;
    if (await isProgram(image)) {
      const program = typeof image === 'string' ? await readFile(image) : image;
      later += program.length;
      root.file(`${paths.packedImages}/${name}`, compress(program, 'fast'));
    } else if (typeof image === 'string') root.place(path, image);
    else root.file(path, image);
  }
  // Linux unpacks archives one behind the other. What is of this boot stays as it is: what is large there is compressed already. It comes
  // first, as what is not compressed has to begin at a multiple of four bytes.
  const own = root.pieces();
  const daemon = daemonTree(parts).archive();
  const pieces = [...own, compress(daemon, 'small'), filePiece(parts.base)];
  return {
    pieces,
    packed: lengthOf(pieces),
    unpacked: lengthOf(own) + daemon.length + parts.baseUnpacked,
    later,
  };
}

/**
 * Whether an image is a kernel as libxc takes it best: an ELF file that is not compressed. It is there so only from when it is measured,
 * when Linux has freed the packed initramfs: that takes a third of its size before.
 */
export async function isProgram(image: Uint8Array | string): Promise<boolean> {
  const magic = Buffer.from('\x7fELF');
  if (typeof image !== 'string') return magic.equals(image.subarray(0, magic.length));
  const file = await open(image);
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(magic.length) });
    return magic.equals(buffer);
  } finally {
    await file.close();
  }
}

/** What domB's init becomes when it has mounted the runtime (domb/init.c). */
export const nextInit = join(daemonDirectory, 'init');

/** The daemon, which is the same whatever the manifest. */
function daemonTree({ launcher, code, cache, worker }: BootParts): RootTree {
  return new RootTree()
    .file(join(daemonDirectory, daemonFiles.launcher), launcher, 0o755)
    .file(join(daemonDirectory, daemonFiles.code), code)
    .file(join(daemonDirectory, daemonFiles.cache), cache)
    .file(join(daemonDirectory, BUNDLED_WORKER), worker)
    .link(nextInit, daemonFiles.launcher);
}
