import { type Machine, startMachine } from './machine.ts';

export interface BootOptions {
  directory: string;
  parts: { hypervisor: string; policy: string; kernel: string };
  /** domB's initramfs. */
  initramfs: Uint8Array;
  /** Xen's options; the default starts domB beside an empty domain 0. */
  hypervisorOptions?: readonly string[] | undefined;
  tpm?: boolean;
  memoryMiB?: number | undefined;
}

/** Memory of domB: its initramfs twice (packed and unpacked), Node, and the images while they are built from. */
export const bootDomainMiB = 768;

/** Options of Xen's command line that start the first domain as a boot domain. */
export const bootDomainOptions = ['boot-domain'];

/** domB must leave PCI alone, or dom0 cannot destroy it later; the TPM is found through ACPI. */
const kernelOptions = ['console=hvc0', 'pci=off', 'quiet'];

/** Starts the virtual platform with domB as its first domain. */
export async function bootManifest(options: BootOptions): Promise<Machine> {
  const { parts, directory, initramfs } = options;
  return startMachine({
    directory,
    hypervisor: parts.hypervisor,
    hypervisorOptions: [
      `dom0_mem=${bootDomainMiB}M`,
      'dom0_max_vcpus=1',
      ...(options.hypervisorOptions ?? bootDomainOptions),
    ],
    kernel: parts.kernel,
    kernelOptions,
    modules: [initramfs, parts.policy],
    memoryMiB: options.memoryMiB ?? 3072,
    tpm: options.tpm ?? true,
  });
}
