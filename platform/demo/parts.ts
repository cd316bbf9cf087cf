import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildHypervisor } from '../hypervisor/build.ts';
import { type XenSource, xenSource } from '../hypervisor/source.ts';
import { commandSegment } from '../images/command.ts';
import { cryptsetupSegment } from '../images/cryptsetup.ts';
import { dom0Ramdisk } from '../images/dom0.ts';
import { guestRamdisk } from '../images/guest.ts';
import { tpmfrontSegment } from '../images/guest-tpm.ts';
import { debianKernel } from '../images/kernel.ts';
import { vtpmRamdisk } from '../images/vtpm.ts';
import { vtpmBackendRamdisk } from '../images/vtpm-backend.ts';
import { buildPolicy } from '../policy/build.ts';

/** Reports what is being made; resolves with what `work` gives. */
export type ReportWork = <T>(what: string, work: () => Promise<T>) => Promise<T>;

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

/** The ramdisks that the manifests in boot-configs/ name. */
const ramdisks: Record<string, { what: string; make: () => Promise<string> }> = {
  'vtpm.cpio.zst': { what: "the vTPM domain's initramfs", make: vtpmRamdisk },
  'vtpm-backend.cpio.zst': { what: 'a vTPM domain that serves', make: vtpmBackendRamdisk },
  'guest-tpm.cpio.zst': { what: "the guests' TPM front end", make: tpmfrontSegment },
  'dom0.cpio.zst': { what: "dom0's initramfs", make: dom0Ramdisk },
  // Goes behind the initramfs of a domain that is to have Node and the command domb.
  'domb-command.cpio.zst': { what: 'the command domb for dom0', make: commandSegment },
  'cryptsetup.cpio.zst': { what: 'cryptsetup for dom0', make: cryptsetupSegment },
  'guest.cpio.zst': { what: "a guest's initramfs", make: guestRamdisk },
};

const scripts = join(import.meta.dirname, '../../boot-configs/scripts');
const exampleScripts = () => readdir(scripts);

/** The names that {@link platformParts} has images for, without building any. */
export async function ownImageNames(): Promise<readonly string[]> {
  return ['vmlinux', ...Object.keys(ramdisks), ...(await exampleScripts())];
}

/** Builds, or finds in the cache, everything the virtual platform is made of. */
export async function platformParts(report: ReportWork): Promise<Parts> {
  const source = await report("Xen's source", () => xenSource('hypervisor'));
  const xen = `Xen ${source.version} of ${source.origin}, with XSM, FLASK and the boot-domain series`;
  const { hypervisor, efi } = await report(xen + isOld(source), () => buildHypervisor(source));
  const policy = await report('FLASK policy', () => buildPolicy(source));
  const kernel = await report("Debian's kernel, unpacked to ELF", debianKernel);
  const images = new Map([['vmlinux', kernel.elf]]);
  for (const [name, { what, make }] of Object.entries(ramdisks)) {
    images.set(name, await report(what, make));
  }
  for (const name of await exampleScripts()) images.set(name, join(scripts, name));
  const { elf, bzImage } = kernel;
  return { hypervisor, xenEfi: efi, policy, kernel: elf, bzImage, images };
}

/** What a reader of the progress must know of a source that is not the newest. */
function isOld({ newer, unasked }: XenSource): string {
  if (unasked !== undefined) return ` (Debian could not be asked for a newer one: ${unasked})`;
  const [first] = newer;
  return first === undefined
    ? ''
    : ` (not the newest: ${first.version} is listed, but ${first.refusal})`;
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
