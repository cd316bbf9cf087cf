import type { BootDomainTask } from '../../boot-configs/checks/platform-memory.ts';
import { saysHalt } from '../../boot-configs/says-halt.ts';
import { MEMORY_MIB } from '../../boot-scripts/script-memory.ts';
import { CONFINING_OPTIONS } from '../../domains/rules/isolation.ts';

/** Linux with its tables, beside the initramfs, while it unpacks that. */
const linuxMiB = 96;

/**
 * The same later, with Node and the daemon: what they keep of what they make, Node's own memory, and half of what a boot reads of its program.
 * With less, Linux drops pages of it that are wanted again, and the boot takes several times as long.
 */
const runningMiB = 144;

/** What Linux keeps for each page of memory: 64 bytes, and its share of page tables and of Xen's tables. */
const tables = 1.02;

/** Bytes of an initramfs, and of what becomes of it. */
export interface InitramfsSize {
  packed: number;
  /** When Linux has unpacked it. */
  unpacked: number;
  /** What the daemon makes of it, or needs, later: kernels that it unpacks itself when it measures them, lists, processes for boot scripts. */
  later: number;
}

/** A little more than what is in it beside the manifest's images: Node and libraries, compressed in either case, the daemon, the policy. */
const ownPart = { packed: 26 * 2 ** 20, unpacked: 29 * 2 ** 20 };

/** About what an initramfs with so many bytes of images has, or more. */
export function initramfsSize(
  imageBytes: number,
  task: Omit<BootDomainTask, 'images'>,
): InitramfsSize {
  return {
    packed: imageBytes + ownPart.packed,
    unpacked: imageBytes + ownPart.unpacked,
    later: taskBytes(task),
  };
}

/** A Node of its own for boot scripts, beside what it may take (boot-scripts/run-script.ts). */
const SCRIPT_PROCESS = 64 * 2 ** 20;

/** Bytes that the daemon needs for what a manifest wants done. */
export function taskBytes({ largestKiB, scripts }: Omit<BootDomainTask, 'images'>): number {
  // libxenguest lists a domain's frames while it builds it, 8 bytes for each page, twice for a while.
  const frames = 2 * 8 * (largestKiB / 4);
  return frames + (scripts ? SCRIPT_PROCESS + MEMORY_MIB * 2 ** 20 : 0);
}

/**
 * Memory of domB, in MiB. It needs most while Linux unpacks the initramfs, which is there twice then, packed and unpacked. Afterwards
 * what is unpacked remains, and the daemon unpacks kernels: it maps the other images where they are.
 */
export function bootDomainMiB({ packed, unpacked, later }: InitramfsSize): number {
  const mib = (bytes: number) => bytes / 2 ** 20;
  const needed = Math.max(mib(packed + unpacked) + linuxMiB, mib(unpacked + later) + runningMiB);
  return Math.ceil((needed * tables) / 16) * 16;
}

/** Options of Xen's command line that start the first domain as a boot domain, and keep devices to their domain's memory. */
export const bootDomainOptions = ['boot-domain', CONFINING_OPTIONS];

/**
 * domB's kernel. It must leave PCI alone, or dom0 cannot destroy domB later; the TPM is found through ACPI. Nor may it take
 * the interrupts of keyboard controller and clock, which dom0 gets only when nobody holds them. (Two options, as QEMU
 * takes no comma here.) Its root is a ramfs: a tmpfs takes no more than half of the memory that the packed initramfs leaves,
 * and Linux stops unpacking there. It sets 64 MiB aside for devices that cannot reach all memory, and has no such device.
 */
export const kernelOptions = [
  ...['console=hvc0', 'quiet', 'pci=off'],
  ...['initcall_blacklist=i8042_init', 'initcall_blacklist=cmos_init'],
  'rootfstype=ramfs',
  'swiotlb=noforce',
];

/**
 * The firmware's configuration in QEMU, which is in every machine that it emulates or has KVM run: who may use these ports has
 * it read or write any frame, past Xen and the IOMMU (QEMU, docs/specs/fw_cfg, "DMA"). Linux does without.
 */
const noFirmwareDma = 'dom0_ioports_disable=510-51b';

/**
 * Xen's command line, as far as it concerns the first domain: its size, what of the machine nobody gets, and what makes it the boot
 * domain. Without `max:` Linux takes all of the machine for what it may get one day, and keeps tables for it: 64 bytes for each page,
 * and seconds in which it makes them.
 */
export function hypervisorOptions(
  memoryMiB: number,
  rest: readonly string[] = bootDomainOptions,
): string[] {
  const memory = `${memoryMiB}M`;
  return [`dom0_mem=${memory},max:${memory}`, 'dom0_max_vcpus=1', noFirmwareDma, ...rest];
}

/**
 * Xen reboots the machine when the boot domain crashes, its daemon for example, and cannot say any more what it wants. With this option Xen halts
 * it instead, and so it does for a crash of Xen itself, or of dom0 later: only where the manifest says `on_failure: halt`.
 * @param manifest bytes of a manifest that was loaded without a problem
 */
export function crashOptions(manifest: Uint8Array): string[] {
  return saysHalt(manifest) ? ['noreboot'] : [];
}
