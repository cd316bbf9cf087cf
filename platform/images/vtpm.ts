import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { addBusybox, busyboxPackage } from './busybox.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';

const initScript = join(import.meta.dirname, 'vtpm/init');
// The self-test talks to swtpm through its socket, as any other TPM user would.
const tcti = ['libtss2-tcti-swtpm.so.0'];

/** Builds the vTPM domain's initramfs: swtpm, the tools of its self-test and one init script. */
export async function vtpmRamdisk(): Promise<string> {
  const names = ['swtpm', 'tpm2-tools', 'libtss2-tcti-swtpm0', busyboxPackage];
  const packages = await debianTree(await withLibraries(names));
  const init = await readFile(initScript);
  const directory = await cached('vtpm-image', [packages, init.toString()], async (work) => {
    const root = new RootTree().file('/init', init, 0o755);
    for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) root.directory(path);
    root.characterDevice('/dev/console', 0o600, 5, 1);
    const programs = ['swtpm', 'tpm2'].map((name) => join(packages, 'usr/bin', name));
    await root.copy('/bin/swtpm', programs[0] as string, 0o755);
    await root.copy('/bin/tpm2', programs[1] as string, 0o755);
    await addSharedLibraries(root, packages, programs, tcti);
    await addBusybox(root, packages, ['sh', 'mount', 'mkdir', 'sleep', 'echo', 'grep']);
    await writeFile(join(work, 'vtpm.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'vtpm.cpio.zst');
}
