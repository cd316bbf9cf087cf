import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ADDON_FILE } from '../../bindings/ffi/addon.ts';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { LEAN_RULES, makeLeanNode } from './lean-node.ts';
import { knownNode, NODE_SHA256 } from './node-digest.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';

const require = createRequire(import.meta.url);

/** Where Node is in our images. */
export const interpreter = '/usr/bin/node';
/** Where the addon of our FFI layer is in them. */
export const addonPath = `/usr/lib/domb/${ADDON_FILE}`;

export interface Runtime {
  /** Of the artefact. */
  name: string;
  /** Debian packages that hold the libraries; those that they depend on come with them. */
  packages: readonly string[];
  /** Shared libraries that are dlopen'ed, so that no ELF header names them. */
  libraries: readonly string[];
  /** Kernel modules; those that they depend on come with them. */
  modules: readonly ImageModule[];
  directories: readonly string[];
}

/** The part of an initramfs that runs our TypeScript: Node, the FFI addon, libraries and modules. Returns its path. */
export async function nodeRuntime(runtime: Runtime): Promise<string> {
  const { name, libraries, modules, directories } = runtime;
  const packages = await debianTree(await withLibraries(runtime.packages));
  const kernel = await debianKernel();
  const { program, packed } = await leanNode();
  const addon = nodeAddon();
  const inputs = [packages, kernel.elf, packed, await versionOf(dirname(addon)), runtime];
  const directory = await cached(name, inputs, async (work) => {
    needPackages('images');
    const root = new RootTree();
    for (const path of directories) root.directory(path);
    if (directories.includes('/dev')) root.characterDevice('/dev/console', 0o600, 5, 1);
    await root.copy(addonPath, addon);
    await addSharedLibraries(root, packages, [program, addon], libraries);
    for (const path of await moduleClosure(kernel, modules)) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    const archive = root.archive();
    // Linux unpacks archives one behind the other.
    await writeFile(
      join(work, 'runtime.cpio.zst'),
      Buffer.concat([compress(archive, 'small'), await readFile(packed)]),
    );
    await writeFile(
      join(work, UNPACKED_SIZE),
      `${archive.length + (await unpackedSize(packed))}\n`,
    );
  });
  return join(directory, 'runtime.cpio.zst');
}

/** Node as our images have it: the program, and the archive that brings it. */
export async function leanNode(): Promise<{ program: string; packed: string }> {
  const node = await knownNode();
  const directory = await cached('lean-node', [NODE_SHA256, LEAN_RULES], async (work) => {
    needPackages('images');
    const program = join(work, 'node');
    await makeLeanNode(node, program);
    const archive = (await new RootTree().copy(interpreter, program, 0o755)).archive();
    await writeFile(join(work, 'node.cpio.zst'), compress(archive, 'small'));
    await writeFile(join(work, UNPACKED_SIZE), `${archive.length}\n`);
  });
  return { program: join(directory, 'node'), packed: join(directory, 'node.cpio.zst') };
}

/** The addon of our FFI layer, as npm has installed it. */
export function nodeAddon(): string {
  const package_ = dirname(require.resolve('@yuuang/ffi-rs-linux-x64-gnu/package.json'));
  return join(package_, ADDON_FILE);
}

/** The Node of our images, without symbols. Returns its path. */
export async function strippedNode(): Promise<string> {
  const node = await knownNode();
  const directory = await cached('node', [NODE_SHA256], async (work) => {
    needPackages('images');
    await runProgram('strip', ['-o', join(work, 'node'), node]);
  });
  return join(directory, 'node');
}

/** Lies beside the archive. */
export const UNPACKED_SIZE = 'unpacked-size';

/** Bytes of what {@link nodeRuntime} made before it was compressed. */
export async function unpackedSize(archive: string): Promise<number> {
  return Number(await readFile(join(dirname(archive), UNPACKED_SIZE), 'utf8'));
}

/** Of an installed package, by its directory. */
async function versionOf(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
