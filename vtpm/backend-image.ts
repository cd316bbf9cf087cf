import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from '../platform/images/bundle.ts';
import { addBusybox, busyboxPackage } from '../platform/images/busybox.ts';
import { compress } from '../platform/images/compress.ts';
import { debianTree, withLibraries } from '../platform/images/debian-packages.ts';
import { debianKernel, moduleClosure } from '../platform/images/kernel.ts';
import { RootTree } from '../platform/images/root-tree.ts';
import { interpreter } from '../platform/images/runtime.ts';
import { addSharedLibraries } from '../platform/images/shared-libraries.ts';
import { cached } from '../platform/lib/cache.ts';

const here = import.meta.dirname;
const modules = ['xen-evtchn', 'xen-gntdev'];
const applets = ['sh', 'mount', 'insmod', 'sleep', 'echo'];

/**
 * Builds the initramfs of a vTPM domain that serves guests: the back end and swtpm. The segment that brings Node
 * (platform/images/command.ts) goes behind it: dom0 has it too, so that domB holds it once. Returns its path.
 */
export async function vtpmBackendRamdisk(): Promise<string> {
  const names = ['swtpm', busyboxPackage];
  const packages = await debianTree('vtpm-backend-packages', await withLibraries(names));
  const kernel = await debianKernel();
  const init = await readFile(join(here, 'backend-init'));
  const program = await bundle(join(here, 'backend/main.ts'), interpreter);
  const digest = createHash('sha256').update(program).digest('hex');
  const inputs = [packages, kernel.release, init.toString(), applets, digest];
  const directory = await cached('vtpm-backend-image', inputs, async (work) => {
    const root = new RootTree().file('/init', init, 0o755);
    for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) root.directory(path);
    root.characterDevice('/dev/console', 0o600, 5, 1);
    root.file('/usr/lib/domb/backend.cjs', program, 0o755);
    const order = await moduleClosure(kernel, modules);
    for (const path of order) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    root.file('/etc/modules', order.map((path) => `/lib/modules/${path}\n`).join(''));
    const swtpm = join(packages, 'usr/bin/swtpm');
    await root.copy('/bin/swtpm', swtpm, 0o755);
    await addSharedLibraries(root, packages, [swtpm]);
    await addBusybox(root, packages, applets);
    await writeFile(join(work, 'vtpm-backend.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'vtpm-backend.cpio.zst');
}
