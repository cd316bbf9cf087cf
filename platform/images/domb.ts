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
import type { InitramfsSize } from './command-lines.ts';
import { compress } from './compress.ts';
import { RootTree } from './root-tree.ts';

const directory = '/usr/lib/domb';

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
  return {
    manifest,
    initramfs: await composeBootImage(manifestBytes, { pcr, bootPcr, onFailure }, images, extras),
  };
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
    .file(paths.settings, `${JSON.stringify(complete)}\n`);
  if (policy) root.file(paths.policy, policy);
  if (signature) {
    root.file(paths.signatureKey, signature.key).file(paths.signature, signature.bytes);
  }
  for (const [name, image] of images) {
    const path = `${paths.images}/${name}`;
    if (typeof image === 'string') root.place(path, image);
    else root.file(path, image);
  }
  // Linux unpacks archives one behind the other. What is of this boot stays as it is: what is large there is compressed already or was
  // unpacked on purpose. It comes first, as what is not compressed has to begin at a multiple of four bytes.
  const own = root.pieces();
  const daemon = daemonTree(parts).archive();
  const pieces = [...own, compress(daemon, 'small'), filePiece(parts.runtime)];
  return {
    pieces,
    packed: lengthOf(pieces),
    unpacked: lengthOf(own) + daemon.length + parts.runtimeUnpacked,
  };
}

/** The daemon, which is the same whatever the manifest. */
function daemonTree({ launcher, code, cache, worker }: BootParts): RootTree {
  return new RootTree()
    .file(join(directory, daemonFiles.launcher), launcher, 0o755)
    .file(join(directory, daemonFiles.code), code)
    .file(join(directory, daemonFiles.cache), cache)
    .file(join(directory, BUNDLED_WORKER), worker)
    .link('/init', join(directory, daemonFiles.launcher));
}
