import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { run, runBytes } from '../lib/run.ts';
import { debianTree, kernelPackage } from './debian-packages.ts';

export interface Kernel {
  /** As `uname -r` prints it. */
  release: string;
  /** The uncompressed ELF image, which libxc loads ten times as fast as the xz bzImage it is unpacked from. */
  elf: string;
  /** The kernel as Debian ships it, compressed: an eighth of the size, for where firmware reads and measures it. */
  bzImage: string;
  /** Directory that holds `modules.dep` and the modules. */
  modules: string;
}

/** Debian's kernel, unpacked to ELF, with its module dependencies resolved. */
export async function debianKernel(): Promise<Kernel> {
  const name = await kernelPackage();
  const tree = await debianTree('kernel-package', [name]);
  const release = name.replace(/^linux-image-/, '');
  const bzImage = join(tree, 'boot', `vmlinuz-${release}`);
  const directory = await cached('kernel', [tree, release], async (work) => {
    await writeFile(join(work, 'vmlinux'), await unpackBzImage(await readFile(bzImage)));
    await run('cp', ['-rT', join(tree, 'lib'), join(work, 'lib')]);
    await run('depmod', ['-b', work, release]);
  });
  return {
    release,
    elf: join(directory, 'vmlinux'),
    bzImage,
    modules: join(directory, 'lib/modules', release),
  };
}

// Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

/**
 * Unpacks the compressed payload of a bzImage: the ELF kernel that libxc would unpack at every boot.
 * Only the compressions that Debian has used for its kernels are known (xz, zstd).
 */
async function unpackBzImage(image: Buffer): Promise<Buffer> {
  if (image.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS') {
    throw new Error('not a bzImage: no HdrS at offset 0x202');
  }
  const protectedMode = (image.readUInt8(SETUP_SECTS) + 1) * 512;
  const start = protectedMode + image.readUInt32LE(PAYLOAD_OFFSET);
  // The payload ends with the unpacked size (4 bytes), which the decompressors must not see.
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH) - 4);
  const elf = await decompress(payload);
  if (elf.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('bzImage payload is no ELF file');
  return elf;
}

function decompress(payload: Buffer): Promise<Buffer> {
  const magic = payload.toString('hex', 0, 6);
  if (magic === 'fd377a585a00') return runBytes('xz', ['-dc'], { input: payload });
  if (magic.startsWith('28b52ffd')) return runBytes('zstd', ['-dcq'], { input: payload });
  throw new Error(`bzImage payload has an unknown compression (starts with ${magic})`);
}

/** The given modules and all they depend on, as paths below `kernel.modules`, in loading order. */
export async function moduleClosure(kernel: Kernel, names: readonly string[]): Promise<string[]> {
  const dependencies = new Map<string, string[]>();
  for (const line of (await readFile(join(kernel.modules, 'modules.dep'), 'utf8')).split('\n')) {
    const [path, needs] = line.split(':');
    if (path && needs !== undefined) dependencies.set(path, needs.split(' ').filter(Boolean));
  }
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
    else throw new Error(`kernel ${kernel.release} has no module ${name}`);
  }
  return order;
}

const moduleName = (path: string) =>
  (path.split('/').at(-1) ?? '').replace(/\.ko(\..*)?$/, '').replaceAll('-', '_');
