/** What a PVH domain needs beside kernel and ramdisk; libxl does the same in libxl_dom.c and libxl_x86.c. */
import { addressOf } from '../ffi/memory.ts';
import type { DomainCreation } from '../hypervisor.ts';
import { PAGE_BYTES } from '../image-checks.ts';
import { StructView } from '../layouts/struct.ts';
import { acpiTables } from './acpi.ts';
import type { BuilderImage } from './builder-image.ts';
import type { XenSession } from './session.ts';

const FOUR_GIB = 2 ** 32;

/**
 * Start of the hole below 4 GiB, where ACPI tables (from here on), the local APIC (0xfee00000) and the special pages
 * (0xfeff8000) belong: libxl's ACPI_INFO_PHYSICAL_ADDRESS.
 */
const HOLE_START = 0xfc00_0000;

/** Where a PVH domain's memory ends, in bytes, below and above the hole; `high` is 0 when none is above. */
export function memoryEnds(memoryKiB: number): { low: number; high: number } {
  const bytes = memoryKiB * 1024;
  if (bytes <= HOLE_START) return { low: bytes, high: 0 };
  return { low: HOLE_START, high: FOUR_GIB + (bytes - HOLE_START) };
}

/** Sets what libxenguest has to know before it allocates memory. */
export function preparePvh(
  session: XenSession,
  image: BuilderImage,
  { domid, memoryKiB }: DomainCreation,
  partner: number,
): void {
  const { xc, xch, layout } = session;
  const { HVM_PARAM_TIMER_MODE: param, HVMPTM_no_delay_for_missed_ticks: value } = layout.constants;
  xc.xc_hvm_param_set({ xch, domid, param, value });
  const { low, high } = memoryEnds(memoryKiB);
  image.set({
    target_pages: memoryKiB / 4,
    mmio_start: HOLE_START,
    mmio_size: FOUR_GIB - HOLE_START,
    lowmem_end: low,
    highmem_end: high,
    xenstore_evtchn: xc.xc_evtchn_alloc_unbound({ xch, domid, remote: partner }),
  });
}

/** Gives the builder the ACPI tables, and the memory map to it (for the domain's start info) and to Xen. */
export function describePvh(
  session: XenSession,
  image: BuilderImage,
  { domid, memoryKiB, vcpus }: DomainCreation,
): void {
  const { xc, xch, layout } = session;
  const tables = image.hold(acpiTables(HOLE_START, vcpus));
  image.set({
    'acpi_modules[0].data': addressOf(tables),
    'acpi_modules[0].length': tables.length,
    'acpi_modules[0].guest_addr_out': HOLE_START,
  });
  const { constants } = layout;
  const { low, high } = memoryEnds(memoryKiB);
  const specialPages = constants.X86_HVM_NR_SPECIAL_PAGES;
  const ranges = [
    { addr: 0, size: low, type: constants.E820_RAM },
    {
      addr: HOLE_START,
      size: Math.ceil(tables.length / PAGE_BYTES) * PAGE_BYTES,
      type: constants.E820_ACPI,
    },
    {
      addr: (constants.X86_HVM_END_SPECIAL_REGION - specialPages) * PAGE_BYTES,
      size: specialPages * PAGE_BYTES,
      type: constants.E820_RESERVED,
    },
    ...(high > 0 ? [{ addr: FOUR_GIB, size: high - FOUR_GIB, type: constants.E820_RAM }] : []),
  ];
  const entries = image.hold(Buffer.concat(ranges.map(entry)));
  xc.xc_domain_set_memory_map({ xch, domid, entries, count: ranges.length });
  image.set({ e820: addressOf(entries), e820_entries: ranges.length });

  function entry({ addr, size, type }: (typeof ranges)[number]): Buffer {
    const view = new StructView(layout, 'e820entry');
    return view.set('addr', addr).set('size', size).set('type', type).bytes;
  }
}

/** In place of the xenstore page's frame: the domain will be introduced later (Linux, xenbus_probe.c). */
const STORE_LATER = 0xffff_ffff_ffff_ffffn;

/**
 * Makes the domain's xenbus wait to be introduced instead of hanging on a xenstored that is not there yet. Its event
 * channel must exist, or the kernel takes xenbus to be absent for good.
 */
export function waitForXenstore(session: XenSession, domid: number): void {
  const { xc, xch, layout } = session;
  const { HVM_PARAM_STORE_PFN: param } = layout.constants;
  xc.xc_hvm_param_set({ xch, domid, param, value: STORE_LATER });
}
