import type { PciDevice } from '../../../boot-scripts/api.ts';

/** Reads 32 bits of physical memory, at an address that is a multiple of 4. */
export type ReadWord = (address: number) => number;

/** Where the configuration space of some buses lies in memory. */
interface Window {
  /** Of bus 0, even where the first bus is another one. */
  readonly base: number;
  readonly segment: number;
  readonly first: number;
  readonly last: number;
}

/** ACPI's header of 36 bytes and 8 reserved ones; then 16 for each window. PCI Firmware Specification 3.3, 4.1.2. */
const MCFG_HEADER = 44;
const MCFG_ENTRY = 16;
const WINDOWS = 64;

/** PCI Express Base Specification, 7.2.2 and 7.5.1: bits of an address, and the words of a configuration header. */
const BUS = 2 ** 20;
const DEVICE = 2 ** 15;
const FUNCTION = 2 ** 12;
const IDENTITY = 0x00;
const CLASS = 0x08;
const HEADER = 0x0c;
const BUSES = 0x18;
const NOBODY = 0xffff;
const MULTIFUNCTION = 0x80;
const BRIDGE = 1;

/**
 * The PCI devices of the machine. domB's kernel leaves PCI alone, so the devices are looked at where the chipset shows their
 * configuration space in memory (ECAM), by reading only: Xen lets nobody map it writable.
 * @param mcfg the ACPI table that says where that is
 */
export function listPci(mcfg: Buffer, read: ReadWord): PciDevice[] {
  const devices = windowsIn(mcfg).flatMap((window) => devicesIn(window, read));
  return devices.sort((a, b) => (a.address < b.address ? -1 : 1));
}

function windowsIn(mcfg: Buffer): Window[] {
  const windows: Window[] = [];
  for (let at = MCFG_HEADER; at + MCFG_ENTRY <= mcfg.length; at += MCFG_ENTRY) {
    const base = Number(mcfg.readBigUInt64LE(at));
    const [first, last] = [mcfg.readUInt8(at + 10), mcfg.readUInt8(at + 11)];
    if (windows.length < WINDOWS && base > 0 && base % BUS === 0) {
      windows.push({ base, segment: mcfg.readUInt16LE(at + 8), first, last });
    }
  }
  return windows;
}

/** Buses behind bridges are found through these; what no bridge leads to may be a further root bus, as in large machines. */
function devicesIn(window: Window, read: ReadWord): PciDevice[] {
  const seen = new Set<number>();
  const found: PciDevice[] = [];
  for (let root = window.first; root <= window.last; root++) {
    const waiting = seen.has(root) ? [] : [root];
    for (let bus = waiting.pop(); bus !== undefined; bus = waiting.pop()) {
      if (seen.has(bus)) continue;
      seen.add(bus);
      const { devices, behind } = lookAtBus(window, bus, read);
      found.push(...devices);
      waiting.push(...behind.filter((next) => next > bus && next <= window.last));
    }
  }
  return found;
}

function lookAtBus({ base, segment }: Window, bus: number, read: ReadWord) {
  const devices: PciDevice[] = [];
  const behind: number[] = [];
  for (let device = 0; device < 32; device++) {
    let functions = 1;
    for (let number = 0; number < functions; number++) {
      const at = base + bus * BUS + device * DEVICE + number * FUNCTION;
      const identity = read(at + IDENTITY);
      if ((identity & 0xffff) === NOBODY) continue;
      const header = (read(at + HEADER) >>> 16) & 0xff;
      if (number === 0 && (header & MULTIFUNCTION) !== 0) functions = 8;
      if ((header & ~MULTIFUNCTION) === BRIDGE) behind.push((read(at + BUSES) >>> 8) & 0xff);
      devices.push({
        address: `${hex(segment, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${number}`,
        vendor: hex(identity & 0xffff, 4),
        device: hex(identity >>> 16, 4),
        class: hex(read(at + CLASS) >>> 8, 6),
      });
    }
  }
  return { devices, behind };
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
