/**
 * What a PVH or HVM domain needs beside kernel and ramdisk; libxl does the same in libxl_dom.c and libxl_x86.c. Both start
 * at the kernel's PVH entry, as neither has firmware.
 */
import { addressOf } from '../ffi/memory.ts';
import { StructView } from '../ffi/struct.ts';
import type { DomainCreation } from '../hypervisor.ts';
import { PAGE_BYTES } from '../image-checks.ts';
import type { EmulatedHardware } from './acpi/fixed.ts';
import { acpiTables } from './acpi/tables.ts';
import type { BuilderImage } from './builder-image.ts';
import type { XenSession } from './session.ts';

const FOUR_GIB = 2 ** 32;

/**
 * Start of the hole below 4 GiB, where ACPI tables (from here on), the local APIC (0xfee00000) and the special pages
 * (0xfeff8000) belong: libxl's ACPI_INFO_PHYSICAL_ADDRESS.
 */
const HOLE_START = 0xfc00_0000;

/** Where Xen emulates an HVM domain's I/O APIC (VIOAPIC_DEFAULT_BASE_ADDRESS) and HPET (HPET_BASE_ADDRESS). */
const IO_APIC_ADDRESS = 0xfec0_0000;
const HPET_ADDRESS = 0xfed0_0000;

/** What a PC has between its first 640 KiB and 1 MiB: an HVM domain's kernel looks for devices there. */
const LEGACY_HOLE = { start: 0xa_0000, end: 0x10_0000 };

/** Where such a domain's memory ends, in bytes, below and above the hole; `high` is 0 when none is above. */
export function memoryEnds(memoryKiB: number): { low: number; high: number } {
  const bytes = memoryKiB * 1024;
  if (bytes <= HOLE_START) return { low: bytes, high: 0 };
  return { low: HOLE_START, high: FOUR_GIB + (bytes - HOLE_START) };
}

/** Sets what libxenguest has to know before it allocates memory. */
export function prepareContainer(
  session: XenSession,
  image: BuilderImage,
  { domid, type, memoryKiB }: DomainCreation,
): void {
  const { xc, xch, layout } = session;
  const { constants } = layout;
  const setParam = (param: number, value: number) =>
    xc.xc_hvm_param_set({ xch, domid, param, value });
  if (type === 'hvm') {
    // A kernel that ticks by a PC's timer would drown in the ticks that it missed while others ran.
    setParam(constants.HVM_PARAM_TIMER_MODE, constants.HVMPTM_one_missed_tick_pending);
    setParam(constants.HVM_PARAM_HPET_ENABLED, 1);
  } else {
    setParam(constants.HVM_PARAM_TIMER_MODE, constants.HVMPTM_no_delay_for_missed_ticks);
  }
  const { low, high } = memoryEnds(memoryKiB);
  image.set({
    target_pages: memoryKiB / 4,
    mmio_start: HOLE_START,
    mmio_size: FOUR_GIB - HOLE_START,
    lowmem_end: low,
    highmem_end: high,
  });
}

/** Gives the builder the ACPI tables, and the memory map to it (for the domain's start info) and to Xen. */
export function describeMachine(
  session: XenSession,
  image: BuilderImage,
  { domid, type, memoryKiB, vcpus, maxVcpus }: DomainCreation,
): void {
  const { xc, xch, layout } = session;
  const hardware: EmulatedHardware = {
    pm1Event: layout.constants.ACPI_PM1A_EVT_BLK_ADDRESS_V0,
    hpetAddress: HPET_ADDRESS,
    ioApicAddress: IO_APIC_ADDRESS,
  };
  const tables = image.hold(
    acpiTables(HOLE_START, { vcpus, maxVcpus, ...(type === 'hvm' && { hardware }) }),
  );
  image.set({
    'acpi_modules[0].data': addressOf(tables),
    'acpi_modules[0].length': tables.length,
    'acpi_modules[0].guest_addr_out': HOLE_START,
  });
  const { constants } = layout;
  const { low, high } = memoryEnds(memoryKiB);
  const specialPages = constants.X86_HVM_NR_SPECIAL_PAGES;
  const legacyHole = type === 'hvm' ? LEGACY_HOLE : { start: 0, end: 0 };
  const ranges = [
    { addr: 0, size: legacyHole.start, type: constants.E820_RAM },
    { addr: legacyHole.end, size: low - legacyHole.end, type: constants.E820_RAM },
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
  ].filter(({ size }) => size > 0);
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
