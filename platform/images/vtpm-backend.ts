import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ownRelease } from '../../xen-releases/releases.ts';
import { cached } from '../lib/cache.ts';
import { bundle } from './bundle.ts';
import { addBusybox, busyboxPackage } from './busybox.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import { interpreter } from './runtime.ts';
import { addSharedLibraries } from './shared-libraries.ts';
import { xenProgram } from './xen-program.ts';

const here = import.meta.dirname;
const modules: readonly ImageModule[] = ['xen-evtchn', 'xen-gntdev', 'xen-privcmd'];
/**
 * Linux keeps programs of an ordinary domain from making hypercalls since 6.1.0-56 of Debian; the back end asks Xen whether its
 * guests live. What it may do is for FLASK to say.
 */
const parameters: Readonly<Record<string, string>> = { 'xen-privcmd.ko': 'unrestricted=1' };
const applets = ['sh', 'mount', 'insmod', 'sleep', 'echo'];

/** Compiles the program that passes a guest's commands to its TPM; returns its path. */
export const buildTpmback = (): Promise<string> =>
  xenProgram(
    'tpmback',
    ['backend/serve', 'linger'].map((directory) => join(here, '../../vtpm', directory)),
    ['xengnttab', 'xenevtchn'],
  );

/**
 * Builds the initramfs of a vTPM domain that serves guests: the back end and swtpm. The segment that brings Node
 * (command.ts) goes behind it: dom0 has it too, so that domB holds it once. Returns its path.
 */
export async function vtpmBackendRamdisk(): Promise<string> {
  const names = ['swtpm', busyboxPackage, ownRelease.packages.libraries];
  const packages = await debianTree(await withLibraries(names));
  const kernel = await debianKernel();
  const init = await readFile(join(here, 'vtpm-backend/init'));
  const program = await bundle(join(here, '../../vtpm/backend/main.ts'), interpreter);
  const digest = createHash('sha256').update(program).digest('hex');
  const tpmback = await buildTpmback();
  const inputs = [packages, kernel.elf, init.toString(), applets, parameters, digest, tpmback];
  const directory = await cached(
    'vtpm-backend-image',
    inputs,
    async (work) => {
      const root = new RootTree().file('/init', init, 0o755);
      for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) root.directory(path);
      root.characterDevice('/dev/console', 0o600, 5, 1);
      root.file('/usr/lib/domb/backend.cjs', program, 0o755);
      const order = await moduleClosure(kernel, modules);
      for (const path of order) {
        await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
      }
      const lines = order.map((path) => `/lib/modules/${path} ${parameters[basename(path)] ?? ''}`);
      root.file('/etc/modules', lines.map((line) => `${line.trim()}\n`).join(''));
      const swtpm = join(packages, 'usr/bin/swtpm');
      await root.copy('/bin/swtpm', swtpm, 0o755);
      await root.copy('/usr/lib/domb/tpmback', tpmback, 0o755);
      await addSharedLibraries(root, packages, [swtpm, tpmback]);
      await addBusybox(root, packages, applets);
      await writeFile(join(work, 'vtpm-backend.cpio.zst'), compress(root.archive()));
    },
    'day',
  );
  return join(directory, 'vtpm-backend.cpio.zst');
}
