/** Memory of domB: its initramfs twice (packed and unpacked), Node, and the images while they are built from. */
export const bootDomainMiB = 768;

/** Options of Xen's command line that start the first domain as a boot domain. */
export const bootDomainOptions = ['boot-domain'];

/**
 * domB's kernel. It must leave PCI alone, or dom0 cannot destroy domB later; the TPM is found through ACPI. Nor may it take
 * the interrupts of keyboard controller and clock, which dom0 gets only when nobody holds them. (Two options, as QEMU
 * takes no comma here.) Its root is a ramfs: a tmpfs takes no more than half of the memory that the packed initramfs leaves,
 * and Linux stops unpacking there.
 */
export const kernelOptions = [
  ...['console=hvc0', 'quiet', 'pci=off'],
  ...['initcall_blacklist=i8042_init', 'initcall_blacklist=cmos_init'],
  'rootfstype=ramfs',
];

/** Xen's command line, as far as it concerns the first domain: its size, and what makes it the boot domain. */
export function hypervisorOptions(
  memoryMiB: number,
  rest: readonly string[] = bootDomainOptions,
): string[] {
  return [`dom0_mem=${memoryMiB}M`, 'dom0_max_vcpus=1', ...rest];
}
