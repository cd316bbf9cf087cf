import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compress } from '../../platform/images/compress.ts';
import { debianTree, withLibraries } from '../../platform/images/debian-packages.ts';
import { debianKernel, moduleClosure } from '../../platform/images/kernel.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { addSharedLibraries } from '../../platform/images/shared-libraries.ts';
import { cached } from '../../platform/lib/cache.ts';
import { run } from '../../platform/lib/run.ts';

const here = import.meta.dirname;
const sources = ['tpmfront', 'proxy', 'commands', 'xenbus', 'ring', 'wait', 'fail'];
const xenLibraries = ['xenstore', 'xengnttab', 'xenevtchn'];
const modules = ['xen-evtchn', 'xen-gntalloc', 'tpm_vtpm_proxy'];

/**
 * Compiles the guest's program, with the headers of Debian's libxen-dev; returns its path. It is linked dynamically: the
 * static libxenstore has no thread that reads, and takes an event that comes before the reply to xs_watch for a failure.
 */
export async function buildTpmfront(): Promise<string> {
  const names = (await readdir(here)).filter((name) => /\.[ch]$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(here, name), 'utf8')));
  const version = await run('dpkg-query', ['-s', 'libxen-dev']);
  const directory = await cached('tpmfront', [texts, version, xenLibraries], async (work) => {
    await run('gcc', [
      ...['-O2', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong', '-s'],
      ...['-o', join(work, 'tpmfront'), ...sources.map((name) => join(here, `${name}.c`))],
      ...xenLibraries.map((name) => `-l${name}`),
    ]);
  });
  return join(directory, 'tpmfront');
}

/**
 * Builds a ramdisk segment that gives a guest its TPM: the program, its kernel modules, and tpm2-tools to look at it. It
 * goes behind the guest's own ramdisk, whose init runs /usr/lib/domb/use-tpm.
 */
export async function tpmfrontSegment(): Promise<string> {
  const program = await buildTpmfront();
  const names = ['tpm2-tools', 'libtss2-tcti-device0', 'libxenstore4', 'libxenmisc4.17'];
  const packages = await debianTree('guest-tpm-packages', await withLibraries(names));
  const kernel = await debianKernel();
  const script = await readFile(join(here, 'use-tpm'));
  const inputs = [program, packages, kernel.release, script.toString(), modules];
  const directory = await cached('guest-tpm-segment', inputs, async (work) => {
    const root = new RootTree().file('/usr/lib/domb/use-tpm', script, 0o755);
    await root.copy('/usr/lib/domb/tpmfront', program, 0o755);
    const tpm2 = join(packages, 'usr/bin/tpm2');
    await root.copy('/usr/bin/tpm2', tpm2, 0o755);
    await addSharedLibraries(root, packages, [program, tpm2], ['libtss2-tcti-device.so.0']);
    const order = await moduleClosure(kernel, modules);
    for (const path of order) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    root.file('/etc/tpm-modules', order.map((path) => `/lib/modules/${path}\n`).join(''));
    await writeFile(join(work, 'guest-tpm.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'guest-tpm.cpio.zst');
}
