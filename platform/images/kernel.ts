import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { unpackBzImage } from './bz-image.ts';
import { compactElf } from './compact-elf.ts';
import { candidates, kernelPackage, unpackPackages } from './debian-packages.ts';

export interface Kernel {
  /** As `uname -r` prints it. */
  release: string;
  /**
   * The uncompressed ELF image, which libxc loads ten times as fast as the xz bzImage it is unpacked from; without what is
   * not loaded (compact-elf.ts).
   */
  elf: string;
  /** The kernel as Debian ships it, compressed: an eighth of the size, for where firmware reads and measures it. */
  bzImage: string;
  /** Directory that holds the modules of {@link imageModules} and all they depend on. */
  modules: string;
}

/** The modules that our images load; Debian's package has 4,000 more, of 390 MB. */
const imageModules = [
  ...['xen-privcmd', 'xenfs', 'xen-evtchn', 'xen-gntdev', 'xen-gntalloc', 'xen-pciback'],
  ...['xen-pcifront', 'xen-blkfront', 'xen-netfront', 'tpm_vtpm_proxy', 'nvme', 'msr'],
  ...['dm-crypt', 'ecb', 'xts', 'algif_skcipher', 'loop', 'squashfs'],
] as const;

export type ImageModule = (typeof imageModules)[number];

/** Debian's kernel, unpacked to ELF, and the modules that our images load. */
export async function debianKernel(): Promise<Kernel> {
  const name = await kernelPackage();
  const release = name.replace(/^linux-image-/, '');
  const wanted = await candidates([name]);
  const modules = join('lib/modules', release);
  const directory = await cached('kernel', [wanted, imageModules, 'compact'], async (work) => {
    needPackages('images');
    const tree = join(work, 'package');
    await mkdir(tree);
    await unpackPackages(wanted, tree);
    await copyFile(join(tree, 'boot', `vmlinuz-${release}`), join(work, 'vmlinuz'));
    await writeFile(
      join(work, 'vmlinux'),
      compactElf(await unpackBzImage(await readFile(join(work, 'vmlinuz')))),
    );
    await runProgram('depmod', ['-b', tree, release]);
    await keepModules(join(tree, modules), join(work, modules));
    await rm(tree, { recursive: true });
  });
  return {
    release,
    elf: join(directory, 'vmlinux'),
    bzImage: join(directory, 'vmlinuz'),
    modules: join(directory, modules),
  };
}

/** Copies our images' modules, all they depend on, and the lines of `modules.dep` that say so. */
async function keepModules(from: string, to: string): Promise<void> {
  const dependencies = await moduleDependencies(from);
  const kept = closure(dependencies, imageModules);
  for (const path of kept) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await copyFile(join(from, path), join(to, path));
  }
  const lines = kept.map((path) => `${path}: ${dependencies.get(path)?.join(' ')}`.trimEnd());
  await writeFile(join(to, DEPENDENCIES), `${lines.join('\n')}\n`);
}

/** Which modules each needs, by paths below their directory (modules.dep(5)). */
const DEPENDENCIES = 'modules.dep';

async function moduleDependencies(directory: string): Promise<Map<string, string[]>> {
  const text = await readFile(join(directory, DEPENDENCIES), 'utf8');
  return new Map(
    text.split('\n').flatMap((line) => {
      const [path, needs] = line.split(':');
      return path && needs !== undefined ? [[path, needs.split(' ').filter(Boolean)]] : [];
    }),
  );
}

/** The given modules and all they depend on, as paths below `kernel.modules`, in loading order. */
export async function moduleClosure(
  kernel: Kernel,
  names: readonly ImageModule[],
): Promise<string[]> {
  return closure(await moduleDependencies(kernel.modules), names);
}

function closure(
  dependencies: ReadonlyMap<string, readonly string[]>,
  names: readonly string[],
): string[] {
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const order: string[] = [];
  const visit = (path: string) => {
    if (order.includes(path)) return;
    for (const needed of dependencies.get(path) ?? []) visit(needed);
    order.push(path);
  };
  for (const name of names) {
    const path = byName.get(name.replaceAll('-', '_'));
    if (path) visit(path);
    else throw new Error(`Debian's kernel has no module ${name}`);
  }
  return order;
}

const moduleName = (path: string) =>
  (path.split('/').at(-1) ?? '').replace(/\.ko(\..*)?$/, '').replaceAll('-', '_');
