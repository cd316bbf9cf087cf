import { efiBootImage } from '../firmware/efi-boot-image.ts';
import type { SigningKey } from '../firmware/sign.ts';
import { bootDomainMiB, hypervisorOptions, kernelOptions } from '../images/command-lines.ts';
import type { Initramfs } from '../images/domb.ts';
import {
  consoleOptions,
  type MachineOptions,
  startMachine,
  type VirtualMachine,
} from './machine.ts';

/** The machine's size where nobody asks for another. */
export const usualMemoryMiB = 3072;
export const usualCpus = 2;

export interface BootOptions {
  directory: string;
  parts: { hypervisor: string; xenEfi: string; policy: string; kernel: string; bzImage: string };
  /** domB's initramfs. */
  initramfs: Initramfs;
  /** Xen's options; the default starts domB beside an empty domain 0. */
  hypervisorOptions?: readonly string[] | undefined;
  /** The machine's TPM; a plain one by default. */
  tpm?: MachineOptions['tpm'] | undefined;
  memoryMiB?: number | undefined;
  cpus?: number | undefined;
  /** Names of what stays in the directory. */
  kept?: readonly string[] | undefined;
  /** Further devices of the machine. */
  devices?: readonly string[] | undefined;
  /** The machine's disk. */
  disk?: string | undefined;
  /** Whether its hardware can be reached from outside. */
  exposed?: boolean | undefined;
  /** Start through UEFI firmware, from one EFI application, instead of QEMU's multiboot loader. */
  firmware?: FirmwareOptions | undefined;
}

export interface FirmwareOptions {
  /** Sign the application. */
  key?: SigningKey;
  /** Start only what is signed with the snakeoil key of Debian's ovmf package. */
  secureBoot?: boolean;
  /** Start it with load options, as whoever can write boot options could. */
  loadOptions?: string;
}

/** Starts the virtual platform with domB as its first domain. */
export async function bootManifest(options: BootOptions): Promise<VirtualMachine> {
  const { parts, directory, initramfs, firmware } = options;
  const xenOptions = [
    ...hypervisorOptions(bootDomainMiB(initramfs), options.hypervisorOptions),
    ...consoleOptions,
  ];
  const start: MachineOptions['start'] = firmware
    ? {
        efi: (file) =>
          efiBootImage({ ...parts, initramfs: initramfs.pieces }, xenOptions, file, firmware.key),
        secureBoot: firmware.secureBoot ?? false,
        loadOptions: firmware.loadOptions,
      }
    : {
        hypervisor: parts.hypervisor,
        hypervisorOptions: xenOptions,
        kernel: parts.kernel,
        kernelOptions,
        modules: [initramfs.pieces, parts.policy],
      };
  return startMachine({
    directory,
    kept: options.kept,
    start,
    memoryMiB: options.memoryMiB ?? usualMemoryMiB,
    cpus: options.cpus ?? usualCpus,
    tpm: options.tpm ?? 'plain',
    devices: options.devices,
    disk: options.disk,
    exposed: options.exposed,
  });
}
