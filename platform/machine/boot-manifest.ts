import { readFile } from 'node:fs/promises';
import { type SigningKey, signImage } from '../firmware/sign.ts';
import { unifiedImage } from '../firmware/unified-image.ts';
import { bootDomainMiB, hypervisorOptions, kernelOptions } from '../images/command-lines.ts';
import { consoleOptions, type Machine, type MachineOptions, startMachine } from './machine.ts';
import type { FirmwareStart } from './ovmf.ts';

export interface BootOptions {
  directory: string;
  parts: { hypervisor: string; xenEfi: string; policy: string; kernel: string; bzImage: string };
  /** domB's initramfs. */
  initramfs: Uint8Array;
  /** Xen's options; the default starts domB beside an empty domain 0. */
  hypervisorOptions?: readonly string[] | undefined;
  tpm?: boolean;
  memoryMiB?: number | undefined;
  /** Start through UEFI firmware, from one EFI application, instead of QEMU's multiboot loader. */
  firmware?: FirmwareOptions | undefined;
}

export interface FirmwareOptions {
  /** Sign the application. */
  key?: SigningKey;
  /** Start only what is signed with the snakeoil key of Debian's ovmf package. */
  secureBoot?: boolean;
}

/** Starts the virtual platform with domB as its first domain. */
export async function bootManifest(options: BootOptions): Promise<Machine> {
  const { parts, directory, initramfs } = options;
  const xenOptions = [
    ...consoleOptions,
    ...hypervisorOptions(bootDomainMiB, options.hypervisorOptions),
  ];
  const start: MachineOptions['start'] = options.firmware
    ? await efiStart(options, xenOptions, options.firmware)
    : {
        hypervisor: parts.hypervisor,
        hypervisorOptions: xenOptions,
        kernel: parts.kernel,
        kernelOptions,
        modules: [initramfs, parts.policy],
      };
  return startMachine({
    directory,
    start,
    memoryMiB: options.memoryMiB ?? 3072,
    tpm: options.tpm ?? true,
  });
}

async function efiStart(
  { parts, initramfs }: BootOptions,
  xenOptions: readonly string[],
  { key, secureBoot = false }: FirmwareOptions,
): Promise<FirmwareStart> {
  const image = unifiedImage({
    xenEfi: await readFile(parts.xenEfi),
    options: xenOptions,
    kernel: await readFile(parts.bzImage),
    kernelOptions,
    initramfs,
    policy: await readFile(parts.policy),
  });
  return { efi: key ? await signImage(image, key) : image, secureBoot };
}
