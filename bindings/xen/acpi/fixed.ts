/** The fixed ACPI description table (5.2.9, table 5.9, in revision 6.4) and what it leads to. */
import { acpiTable, registerAt } from './table.ts';

/** Where Xen emulates hardware of an HVM domain. */
export interface EmulatedHardware {
  /** I/O port of the event registers; the timer follows 8 ports later. */
  pm1Event: number;
  hpetAddress: number;
  ioApicAddress: number;
}

const BYTES = 276;
const MINOR_VERSION = 4;
const VGA_NOT_PRESENT = 1 << 2;
const MSI_NOT_SUPPORTED = 1 << 3;
const RTC_NOT_PRESENT = 1 << 5;

const WBINVD = 1 << 0;
const PROC_C1 = 1 << 2;
/** The clock's alarm has no bit in the event registers. */
const FIX_RTC = 1 << 6;
const TIMER_OF_32_BITS = 1 << 8;
const HARDWARE_REDUCED = 1 << 20;

/** The interrupt of these registers, SCI_IRQ in xen/arch/x86/hvm/pmtimer.c. */
export const ACPI_INTERRUPT = 9;
/** The control register lies between event registers and timer; without a device model it does nothing. */
const CONTROL_OFFSET = 4;
const TIMER_OFFSET = 8;

interface FixedDescription {
  dsdtAt: number;
  facsAt?: number | undefined;
  hardware?: EmulatedHardware | undefined;
}

export function fixedDescription({ dsdtAt, facsAt = 0, hardware }: FixedDescription): Buffer {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt8(MINOR_VERSION, 131);
  bytes.writeUInt32LE(facsAt, 36);
  bytes.writeUInt32LE(dsdtAt, 40);
  bytes.writeBigUInt64LE(BigInt(dsdtAt), 140);
  if (hardware === undefined) {
    bytes.writeUInt16LE(VGA_NOT_PRESENT | RTC_NOT_PRESENT, 109);
    bytes.writeUInt32LE(HARDWARE_REDUCED, 112);
  } else {
    bytes.writeUInt16LE(VGA_NOT_PRESENT | MSI_NOT_SUPPORTED, 109);
    bytes.writeUInt32LE(WBINVD | PROC_C1 | FIX_RTC | TIMER_OF_32_BITS, 112);
    bytes.writeUInt16LE(ACPI_INTERRUPT, 46);
    // More than 100 and 1000 microseconds: there are no such processor states.
    bytes.writeUInt16LE(0xfff, 96);
    bytes.writeUInt16LE(0xfff, 98);
    placeRegisters(bytes, hardware.pm1Event);
  }
  return acpiTable('FACP', 6, bytes.subarray(36));
}

/** Each register stands twice: as a port with its length, and as a generic address. */
function placeRegisters(bytes: Buffer, pm1Event: number): void {
  const registers = [
    { port: pm1Event, size: 4, portAt: 56, sizeAt: 88, genericAt: 148 },
    { port: pm1Event + CONTROL_OFFSET, size: 2, portAt: 64, sizeAt: 89, genericAt: 172 },
    { port: pm1Event + TIMER_OFFSET, size: 4, portAt: 76, sizeAt: 91, genericAt: 208 },
  ];
  for (const { port, size, portAt, sizeAt, genericAt } of registers) {
    bytes.writeUInt32LE(port, portAt);
    bytes.writeUInt8(size, sizeAt);
    registerAt('ports', port, size).copy(bytes, genericAt);
  }
}

/** 5.2.10: the FACS, which has no header and no checksum. It must be aligned to 64 bytes. */
export function firmwareControl(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('FACS', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt8(2, 32);
  return bytes;
}
