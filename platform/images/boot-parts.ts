import { join } from 'node:path';
import { ownRelease } from '../../xen-releases/releases.ts';
import { bundle, bundleScriptWorker } from './bundle.ts';
import { codeCache } from './code-cache.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { mountedRuntime } from './mounted-runtime.ts';
import { interpreter, unpackedSize } from './runtime.ts';

/** What every boot image has in it, whatever its manifest. */
export interface BootParts {
  /** What starts the daemon, the daemon, V8's code cache of it, and the thread that boot scripts run in. */
  launcher: Uint8Array;
  code: Uint8Array;
  cache: Uint8Array;
  worker: Uint8Array;
  /** A file system, as a file: Node and libraries. */
  runtime: string;
  /** A compressed archive, as a file: domB's init, which mounts the runtime, and kernel modules. */
  base: string;
  /** Its bytes when it is unpacked. */
  baseUnpacked: number;
  /** The modules that domB loads, as absolute paths, in loading order. */
  modules: readonly string[];
}

const source = (name: string) => join(import.meta.dirname, name);
// dlopen'ed, so no ELF header names them (bindings/libxenctrl.ts, bindings/libxenguest.ts).
const xenLibraries = [ownRelease.libraries.control, ownRelease.libraries.guest];
const modules: readonly ImageModule[] = ['xen-privcmd'];

/** Debian packages whose libraries are in the runtime; those that they depend on are, too. */
export const runtimePackages: readonly string[] = [ownRelease.packages.libraries, 'libstdc++6'];

/** Builds these parts where that was not done yet. */
export async function bootParts(): Promise<BootParts> {
  const code = await bundle(source('../../daemon/run/main.ts'));
  const { runtime, base } = await mountedRuntime({
    packages: runtimePackages,
    libraries: xenLibraries,
    modules,
  });
  const load = await moduleClosure(await debianKernel(), modules);
  return {
    launcher: await bundle(source('../../daemon/run/launch.ts'), interpreter),
    code,
    cache: await codeCache(code),
    worker: await bundleScriptWorker(),
    runtime,
    base,
    baseUnpacked: await unpackedSize(base),
    modules: load.map((path) => `/lib/modules/${path}`),
  };
}

/** The kernel that domB runs on, compressed, as a file. */
export async function bootKernel(): Promise<string> {
  return (await debianKernel()).bzImage;
}
