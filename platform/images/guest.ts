import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { addBusybox, busyboxPackage } from './busybox.ts';
import { compress } from './compress.ts';
import { debianTree } from './debian-packages.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';

const applets = (
  'sh mount cat sed sleep echo printf od dd tr tail devmem grep insmod ip ' + 'sha256sum cut'
).split(' ');
const scripts = join(import.meta.dirname, 'guest');
/** Loaded when the command line asks for it, by directory. */
const frontEnds: Readonly<Record<string, readonly ImageModule[]>> = {
  pci: ['xen-pcifront'],
  disk: ['xen-blkfront'],
  net: ['xen-netfront'],
};

/** Builds the smallest guest that can say it is alive; returns the path of its compressed initramfs. */
export async function guestRamdisk(): Promise<string> {
  const packages = await debianTree([busyboxPackage]);
  const init = await readFile(join(scripts, 'init'));
  const hardware = await readFile(join(scripts, 'hardware'));
  const poweroff = await readFile(join(scripts, 'poweroff'));
  const kernel = await debianKernel();
  const [msrModule = ''] = await moduleClosure(kernel, ['msr']);
  const directory = await cached(
    'guest-image',
    [packages, String(init), String(hardware), String(poweroff), applets, frontEnds, kernel.elf],
    async (work) => {
      const root = new RootTree().file('/init', init, 0o755).file('/hardware', hardware);
      await root.copy('/msr.ko', join(kernel.modules, msrModule));
      // Linux calls it when dom0 asks for an orderly end.
      root.file('/sbin/poweroff', poweroff, 0o755).link('/sbin/reboot', 'poweroff');
      for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) root.directory(path);
      root.characterDevice('/dev/console', 0o600, 5, 1);
      for (const [kind, modules] of Object.entries(frontEnds)) {
        for (const [index, path] of (await moduleClosure(kernel, modules)).entries()) {
          await root.copy(`/${kind}/${index}-${basename(path)}`, join(kernel.modules, path));
        }
      }
      await addBusybox(root, packages, applets);
      await writeFile(join(work, 'guest.cpio.zst'), compress(root.archive()));
    },
  );
  return join(directory, 'guest.cpio.zst');
}
