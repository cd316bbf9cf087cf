import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownRelease } from '../../xen-releases/releases.ts';
import { cached } from '../lib/cache.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';
import { xenProgram } from './xen-program.ts';

const here = import.meta.dirname;
const sources = ['frontend', 'linger'].map((directory) => join(here, '../../vtpm', directory));
const modules: readonly ImageModule[] = ['xen-evtchn', 'xen-gntalloc', 'tpm_vtpm_proxy'];

/**
 * Compiles the guest's program; returns its path. It is linked dynamically: the static libxenstore has no thread that reads, and takes an
 * event that comes before the reply to xs_watch for a failure.
 */
export const buildTpmfront = (): Promise<string> =>
  xenProgram('tpmfront', sources, ['xenstore', 'xengnttab', 'xenevtchn']);

/**
 * Builds a ramdisk segment that gives a guest its TPM: the program, its kernel modules, and tpm2-tools and openssl to look at it. It
 * goes behind the guest's own ramdisk, whose init runs /usr/lib/domb/use-tpm.
 */
export async function tpmfrontSegment(): Promise<string> {
  const program = await buildTpmfront();
  const { store, libraries } = ownRelease.packages;
  const names = ['tpm2-tools', 'openssl', 'libtss2-tcti-device0', store, libraries];
  const packages = await debianTree(await withLibraries(names));
  const kernel = await debianKernel();
  const script = await readFile(join(here, 'guest-tpm/use-tpm'));
  const inputs = [program, packages, kernel.elf, script.toString(), modules];
  const directory = await cached('guest-tpm-segment', inputs, async (work) => {
    const root = new RootTree().file('/usr/lib/domb/use-tpm', script, 0o755);
    await root.copy('/usr/lib/domb/tpmfront', program, 0o755);
    const tpm2 = join(packages, 'usr/bin/tpm2');
    await root.copy('/usr/bin/tpm2', tpm2, 0o755);
    const openssl = join(packages, 'usr/bin/openssl');
    await root.copy('/usr/bin/openssl', openssl, 0o755);
    await addSharedLibraries(
      root,
      packages,
      [program, tpm2, openssl],
      ['libtss2-tcti-device.so.0'],
    );
    const order = await moduleClosure(kernel, modules);
    for (const path of order) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    root.file('/etc/tpm-modules', order.map((path) => `/lib/modules/${path}\n`).join(''));
    await writeFile(join(work, 'guest-tpm.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'guest-tpm.cpio.zst');
}
