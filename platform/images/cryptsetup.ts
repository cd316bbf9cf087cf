import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';

/** What LUKS needs of the kernel: the mapping, its cipher, and that cipher for the key slots. */
const modules: readonly ImageModule[] = ['dm-crypt', 'ecb', 'xts', 'algif_skcipher'];

/** Builds a ramdisk segment that brings cryptsetup to a dom0: it goes behind dom0's own ramdisk. Returns its path. */
export async function cryptsetupSegment(): Promise<string> {
  const packages = await debianTree(await withLibraries(['cryptsetup-bin']));
  const kernel = await debianKernel();
  const inputs = [packages, kernel.elf, modules];
  const directory = await cached('cryptsetup-segment', inputs, async (work) => {
    const root = new RootTree();
    const program = join(packages, 'sbin/cryptsetup');
    await root.copy('/usr/sbin/cryptsetup', program, 0o755);
    // glibc loads it when a thread is cancelled.
    await addSharedLibraries(root, packages, [program], ['libgcc_s.so.1']);
    const order = await moduleClosure(kernel, modules);
    for (const path of order) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    const lines = order.map((path) => `/lib/modules/${path}\n`).join('');
    root.file('/etc/modules.d/cryptsetup', lines);
    await writeFile(join(work, 'cryptsetup.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'cryptsetup.cpio.zst');
}
