import { saysHalt } from '../../boot-configs/says-halt.ts';
import { CONFINING_OPTIONS } from '../../domains/rules/isolation.ts';

/** What domB has where its images are no larger than those of the demo. */
const usualMiB = 768;

/**
 * Beside the initramfs: Linux with its tables, before Node runs; Node has what the packed initramfs took. 98 MiB were too little when an
 * initramfs of 129 MiB became one of 205.
 */
const kernelMiB = 240;

/** Bytes of an initramfs, and of what Linux makes of it. */
export interface InitramfsSize {
  packed: number;
  unpacked: number;
}

/** A little more than what is in it beside the manifest's images: Node, libraries, the daemon, the policy. */
const ownPart: InitramfsSize = { packed: 26 * 2 ** 20, unpacked: 88 * 2 ** 20 };

/** About what an initramfs with so many bytes of images has. */
export function initramfsSize(imageBytes: number): InitramfsSize {
  return { packed: imageBytes + ownPart.packed, unpacked: imageBytes + ownPart.unpacked };
}

/**
 * Memory of domB, in MiB. It needs most while Linux unpacks the initramfs, which is there twice then, packed and unpacked. Afterwards
 * what is unpacked remains: the daemon maps images where they are.
 */
export function bootDomainMiB({ packed, unpacked }: InitramfsSize): number {
  const needed = Math.ceil((packed + unpacked) / 2 ** 20) + kernelMiB;
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

/**
 * Xen reboots the machine when the boot domain crashes, its daemon for example, and cannot say any more what it wants. With this option Xen halts
 * it instead, and so it does for a crash of Xen itself, or of dom0 later: only where the manifest says `on_failure: halt`.
 * @param manifest bytes of a manifest that was loaded without a problem
 */
export function crashOptions(manifest: Uint8Array): string[] {
  return saysHalt(manifest) ? ['noreboot'] : [];
}
