import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import {
  addonPath,
  interpreter,
  leanNode,
  nodeAddon,
  type Runtime,
  UNPACKED_SIZE,
} from './runtime.ts';
import { addSharedLibraries } from './shared-libraries.ts';
import { BLOCK, writeSquashfs } from './squashfs.ts';

/** domb/init.c has the same. */
export const runtimePaths = {
  /** The file system, as a file of the initramfs. */
  file: '/runtime.squashfs',
  mountPoint: '/runtime',
  /** What has to be loaded before it can be mounted: a path and parameters in each line. */
  modules: '/etc/domb/runtime-modules',
  /** Made before there is a devtmpfs. Block devices of the loop driver have the major number 7 (Linux, Documentation/admin-guide/devices.txt). */
  device: { path: '/dev/loop0', major: 7, minor: 0 },
} as const;

const source = join(import.meta.dirname, 'domb/init.c');

/** There is no C library, and what others put into programs for debuggers and checks needs one or takes room. */
const flags = [
  ...['-std=gnu11', '-Os', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-nostdlib', '-static'],
  ...['-no-pie', '-s', '-Wl,--build-id=none', '-fno-asynchronous-unwind-tables'],
  ...['-fno-stack-protector', '-fcf-protection=none'],
];

/** One device is enough; the driver makes eight of itself. */
const parameters: Readonly<Record<string, string>> = { 'loop.ko': 'max_loop=1' };

/**
 * The part of domB's initramfs that runs the daemon: a file system with Node, the FFI addon and libraries, and an archive with the init that mounts it,
 * kernel modules, and links to where programs look for what it holds.
 * @returns paths of both
 */
export async function mountedRuntime(
  runtime: Pick<Runtime, 'packages' | 'libraries' | 'modules'>,
): Promise<{ runtime: string; base: string }> {
  const packages = await debianTree(await withLibraries(runtime.packages));
  const kernel = await debianKernel();
  const { program } = await leanNode();
  const addon = nodeAddon();
  const init = await readFile(source, 'utf8');
  const inputs = [
    packages,
    kernel.elf,
    program,
    init,
    flags,
    runtimePaths,
    parameters,
    BLOCK,
    runtime,
  ];
  const directory = await cached('domb-runtime', inputs, async (work) => {
    needPackages('images');
    const mounted = new RootTree();
    await mounted.copy(interpreter, program, 0o755);
    await mounted.copy(addonPath, addon);
    await addSharedLibraries(mounted, packages, [program, addon], runtime.libraries);
    await writeSquashfs(mounted, join(work, RUNTIME));

    const base = new RootTree().directory(runtimePaths.mountPoint);
    for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) base.directory(path);
    base.characterDevice('/dev/console', 0o600, 5, 1);
    const { path, major, minor } = runtimePaths.device;
    base.blockDevice(path, 0o600, major, minor);
    // Each by itself: who adds an archive with an init and libraries of its own has directories there, too.
    for (const { path, type } of mounted.entries()) {
      if (type !== 'directory') base.link(`/${path}`, join(runtimePaths.mountPoint, path));
    }
    await compileInit(join(work, 'init'));
    await base.copy('/init', join(work, 'init'), 0o755);
    for (const path of await moduleClosure(kernel, runtime.modules)) {
      await base.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    const lines: string[] = [];
    for (const path of await moduleClosure(kernel, ['loop', 'squashfs'])) {
      await base.copy(`/lib/modules/${path}`, join(kernel.modules, path));
      lines.push(`/lib/modules/${path} ${parameters[basename(path)] ?? ''}`.trimEnd());
    }
    base.file(runtimePaths.modules, lines.map((line) => `${line}\n`).join(''));
    const archive = base.archive();
    await writeFile(join(work, BASE), compress(archive, 'small'));
    await writeFile(join(work, UNPACKED_SIZE), `${archive.length}\n`);
  });
  return { runtime: join(directory, RUNTIME), base: join(directory, BASE) };
}

const RUNTIME = 'runtime.squashfs';
const BASE = 'base.cpio.zst';

/** @param program its path */
async function compileInit(program: string): Promise<void> {
  await runProgram('gcc', [...flags, '-o', program, source]);
}
