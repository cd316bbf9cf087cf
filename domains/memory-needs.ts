/** What a boot needs of a machine's memory: the rule of the boot's own check, and of `domb validate --platform-memory`. */

/**
 * What Xen needs beside a domain's own memory: domain and vcpu structures, page tables that shadow or map it, and
 * room for the builder. Seen: 1.5 to 3 MiB for PV, 8 MiB of paging pool for PVH and HVM.
 */
export const DOMAIN_OVERHEAD_KIB = 8 * 1024;

/** Xen's own code and structures without the frame table; 11 MiB were seen, and firmware keeps some. */
const XEN_FIXED_KIB = 16 * 1024;
/** The frame table has 32 bytes for each page of 4 KiB (struct page_info in Xen's asm-x86/mm.h). */
const PAGES_PER_FRAME_TABLE_PAGE = 128;

/** What domains need together, in KiB: each its own memory and Xen's for it. */
export function neededKiB(memoriesKiB: readonly number[]): number {
  return memoriesKiB.reduce((sum, memory) => sum + memory + DOMAIN_OVERHEAD_KIB, 0);
}

/** About what Xen takes for itself of a machine with `platformKiB`. */
export function xenKiB(platformKiB: number): number {
  return Math.ceil(platformKiB / PAGES_PER_FRAME_TABLE_PAGE) + XEN_FIXED_KIB;
}
