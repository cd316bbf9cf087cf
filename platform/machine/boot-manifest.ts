import { readFile } from 'node:fs/promises';
import { unifiedImage } from '../firmware/unified-image.ts';
import { consoleOptions, type Machine, type MachineOptions, startMachine } from './machine.ts';

export interface BootOptions {
  directory: string;
  parts: { hypervisor: string; xenEfi: string; policy: string; kernel: string; bzImage: string };
  /** domB's initramfs. */
  initramfs: Uint8Array;
  /** Xen's options; the default starts domB beside an empty domain 0. */
  hypervisorOptions?: readonly string[] | undefined;
  tpm?: boolean;
  memoryMiB?: number | undefined;
  /** True to start through UEFI firmware, from one EFI application, instead of QEMU's multiboot loader. */
  firmware?: boolean | undefined;
}

/** Memory of domB: its initramfs twice (packed and unpacked), Node, and the images while they are built from. */
export const bootDomainMiB = 768;

/** Options of Xen's command line that start the first domain as a boot domain. */
export const bootDomainOptions = ['boot-domain'];

/** domB must leave PCI alone, or dom0 cannot destroy it later; the TPM is found through ACPI. */
export const kernelOptions = ['console=hvc0', 'pci=off', 'quiet'];

/** Starts the virtual platform with domB as its first domain. */
export async function bootManifest(options: BootOptions): Promise<Machine> {
  const { parts, directory, initramfs } = options;
  const hypervisorOptions = [
    ...consoleOptions,
    ...hypervisorOptionsFor(bootDomainMiB, options.hypervisorOptions),
  ];
  const start: MachineOptions['start'] = options.firmware
    ? {
        efi: unifiedImage({
          xenEfi: await readFile(parts.xenEfi),
          options: hypervisorOptions,
          kernel: await readFile(parts.bzImage),
          kernelOptions,
          initramfs,
          policy: await readFile(parts.policy),
        }),
      }
    : {
        hypervisor: parts.hypervisor,
        hypervisorOptions,
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

/** Xen's options for a first domain of this size, with what else it needs to be the boot domain. */
export function hypervisorOptionsFor(
  memoryMiB: number,
  rest: readonly string[] = bootDomainOptions,
): string[] {
  return [`dom0_mem=${memoryMiB}M`, 'dom0_max_vcpus=1', ...rest];
}
