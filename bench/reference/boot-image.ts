import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageNames } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { buildLabel } from '../../domains/build-label.ts';
import { bootParts } from '../../platform/images/boot-parts.ts';
import { compress } from '../../platform/images/compress.ts';
import { debianTree, withLibraries } from '../../platform/images/debian-packages.ts';
import { type Initramfs, isProgram, nextInit } from '../../platform/images/domb.ts';
import { debianKernel, moduleClosure } from '../../platform/images/kernel.ts';
import { runtimePaths } from '../../platform/images/mounted-runtime.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { leanNode } from '../../platform/images/runtime.ts';
import { addSharedLibraries } from '../../platform/images/shared-libraries.ts';
import { filePiece, lengthOf } from '../../platform/lib/pieces.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { ownRelease } from '../../xen-releases/releases.ts';

/** Compiles boot-domain.c against Debian's libxen-dev and libssl-dev. */
export async function compileReference(program: string): Promise<void> {
  await runProgram('gcc', [
    ...['-O2', '-Wall', '-Wextra', '-Werror', '-s', '-o', program],
    join(import.meta.dirname, 'boot-domain.c'),
    ...['-lxenctrl', '-lxenguest', '-lcrypto', '-l:libzstd.so.1'],
  ]);
}

/**
 * The initramfs of the reference: boot-domain.c as init, with its libraries and the kernel modules that domB loads, and the images of
 * the manifest as domB has them. It takes PV domains of one vCPU with one ramdisk, and no other of their properties.
 * @param withNode domB's runtime is in it, too, mounted by domB's init, and an empty program for Node
 */
export async function referenceImage(
  program: string,
  { domains, ...manifest }: Manifest,
  findImage: (name: string) => Promise<string>,
  { withNode }: { withNode: boolean },
): Promise<Initramfs> {
  const packages = await debianTree(
    await withLibraries([ownRelease.packages.libraries, 'libssl3', 'libzstd1', 'libstdc++6']),
  );
  const runtime = new RootTree();
  for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) runtime.directory(path);
  runtime.characterDevice('/dev/console', 0o600, 5, 1);
  const parts = withNode ? await bootParts() : undefined;
  // Its libraries take the place of the link to those of the runtime, which comes later.
  await runtime.copy(parts ? nextInit : '/init', program, 0o755);
  const programs = parts ? [program, (await leanNode()).program] : [program];
  await addSharedLibraries(runtime, packages, programs);
  const kernel = await debianKernel();
  const modules = await moduleClosure(kernel, ['xen-privcmd']);
  for (const path of modules) {
    await runtime.copy(`/lib/modules/${path}`, join(kernel.modules, path));
  }

  // In the order in which domB creates and builds: the hardware domain is the last.
  const ordered = domains.toSorted((a, b) => Number(isHardware(a)) - Number(isHardware(b)));
  const lines = ordered.map((domain) => {
    const { domid, memoryKiB, seclabel, kernel, ramdisk, cmdline } = domain;
    const how = isHardware(domain) ? 'hardware' : 'plain';
    const labels = `${buildLabel(seclabel)} ${seclabel}`;
    return `${domid} ${memoryKiB / 1024} ${how} ${labels} ${kernel} ${ramdisk.join()}\n${cmdline}\n`;
  });
  const own = new RootTree()
    .file('/domains', lines.join(''))
    .file('/modules', modules.map((path) => `/lib/modules/${path}\n`).join(''));
  for (const name of imageNames({ domains, ...manifest })) {
    const file = await findImage(name);
    if (await isProgram(file)) own.file(`/packed/${name}`, compress(await readFile(file), 'fast'));
    else own.place(`/images/${name}`, file);
  }
  if (parts) {
    runtime.file('/empty.cjs', '');
    own.place(runtimePaths.file, parts.runtime);
  }
  const archive = runtime.archive();
  // Linux unpacks archives one behind the other.
  const pieces = [...own.pieces(), compress(archive), ...(parts ? [filePiece(parts.base)] : [])];
  return {
    pieces,
    packed: lengthOf(pieces),
    unpacked: lengthOf(own.pieces()) + archive.length + (parts?.baseUnpacked ?? 0),
    later: 0,
  };
}

const isHardware = ({ capabilities }: Manifest['domains'][number]) =>
  capabilities.includes('hardware');
