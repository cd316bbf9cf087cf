import { CONFINING_OPTIONS } from '../../domains/rules/isolation.ts';

/** What domB has where its images are no larger than those of the demo. */
const usualMiB = 768;

/** Kernel, the unpacked Node, the daemon, and what the hypervisor's libraries need while they build. */
const runtimeMiB = 320;

/**
 * Memory of domB, in MiB, for an initramfs of so many bytes, of which the images are nearly all: it is there twice while Linux
 * unpacks it (packed and unpacked), and so are the images when they are built from (in the file system and in the daemon).
 */
export function bootDomainMiB(initramfsBytes: number): number {
  const needed = 2 * Math.ceil(initramfsBytes / 2 ** 20) + runtimeMiB;
  return Math.max(usualMiB, Math.ceil(needed / 64) * 64);
}

/** Options of Xen's command line that start the first domain as a boot domain, and keep devices to their domain's memory. */
export const bootDomainOptions = ['boot-domain', CONFINING_OPTIONS];

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

/**
 * The firmware's configuration in QEMU, which is in every machine that it emulates or has KVM run: who may use these ports has
 * it read or write any frame, past Xen and the IOMMU (QEMU, docs/specs/fw_cfg, "DMA"). Linux does without.
 */
const noFirmwareDma = 'dom0_ioports_disable=510-51b';

/**
 * Xen's command line, as far as it concerns the first domain: its size, what of the machine nobody gets, and what makes it the boot
 * domain.
 */
export function hypervisorOptions(
  memoryMiB: number,
  rest: readonly string[] = bootDomainOptions,
): string[] {
  return [`dom0_mem=${memoryMiB}M`, 'dom0_max_vcpus=1', noFirmwareDma, ...rest];
}
