import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { vtpmBackendRamdisk } from '../../vtpm/backend-image.ts';
import { tpmfrontSegment } from '../../vtpm/frontend/image.ts';
import { vtpmRamdisk } from '../../vtpm/image.ts';
import { buildHypervisor } from '../hypervisor/build.ts';
import { commandSegment } from '../images/command.ts';
import { dom0Ramdisk } from '../images/dom0.ts';
import { guestRamdisk } from '../images/guest.ts';
import { debianKernel } from '../images/kernel.ts';
import { buildPolicy } from '../policy/build.ts';

/** Reports what is being made; resolves with what `work` gives. */
export type Report = <T>(what: string, work: () => Promise<T>) => Promise<T>;

export interface Parts {
  hypervisor: string;
  /** The same hypervisor as an EFI application. */
  xenEfi: string;
  policy: string;
  /** Kernel of domB, and of the demo's domains. */
  kernel: string;
  /** domB's kernel, compressed. */
  bzImage: string;
  /** Files for the image names that the manifests in boot-configs/ use. */
  images: ReadonlyMap<string, string>;
}

/** Builds, or finds in the cache, everything the virtual platform is made of. */
export async function platformParts(report: Report, bootDomain = true): Promise<Parts> {
  const { hypervisor, efi } = await report('Xen with XSM, FLASK and the boot-domain series', () =>
    buildHypervisor({ bootDomain }),
  );
  const policy = await report('FLASK policy', buildPolicy);
  const kernel = await report("Debian's kernel, unpacked to ELF", debianKernel);
  const images = new Map([['vmlinux', kernel.elf]]);
  images.set('vtpm.cpio.zst', await report("the vTPM domain's initramfs", vtpmRamdisk));
  images.set(
    'vtpm-backend.cpio.zst',
    await report('a vTPM domain that serves', vtpmBackendRamdisk),
  );
  images.set('guest-tpm.cpio.zst', await report("the guests' TPM front end", tpmfrontSegment));
  images.set('dom0.cpio.zst', await report("dom0's initramfs", dom0Ramdisk));
  // Goes behind the initramfs of a domain that is to have Node and the command domb.
  images.set('domb-command.cpio.zst', await report('the command domb for dom0', commandSegment));
  images.set('guest.cpio.zst', await report("a guest's initramfs", guestRamdisk));
  const scripts = join(import.meta.dirname, '../../boot-configs/scripts');
  for (const name of await readdir(scripts)) images.set(name, join(scripts, name));
  const { elf, bzImage } = kernel;
  return { hypervisor, xenEfi: efi, policy, kernel: elf, bzImage, images };
}

/** Finds an image by its name in the manifest. */
export function finder(images: ReadonlyMap<string, string>): (name: string) => Promise<string> {
  return async (name) => {
    const path = images.get(name);
    if (path) return path;
    const known = [...images.keys()].join(', ');
    throw new Error(
      `the manifest names image ${name}, which the virtual platform does not have (it has ${known})`,
    );
  };
}
