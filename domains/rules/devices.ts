import { formatMemory } from '../memory.ts';
import type { DomainDevices, DomainProperties, NumberRange } from '../settings.ts';
import type { Fault, Known } from './rule.ts';

export function hardwareTypeFault({
  type,
  hardware,
}: Known<'type' | 'hardware'>): Fault | undefined {
  if (!hardware || type === undefined || type === 'pv') return undefined;
  // Xen can give hardware to a PVH domain only when Xen itself builds it.
  const message = 'a hardware domain that is built by the boot domain must be pv';
  return { message, hint: 'write "type: pv"' };
}

/** What a list of ports, pages or interrupts that is not empty breaks. */
export function deviceFault(
  property: keyof DomainDevices,
  { type, hardware }: Known<'type' | 'hardware'>,
): Fault | undefined {
  if (hardware) {
    const message = 'the hardware domain has everything that no other domain is given';
    return { message, hint: `remove "${property}"` };
  }
  if (type === undefined || type === 'pv') return undefined;
  return {
    message: `a domain of type ${type} can't be given ${property}`,
    hint: 'make it type pv',
  };
}

/**
 * The TPM's five localities (TCG PC Client Platform TPM Profile for TPM 2.0), and a page by which QEMU's firmware is asked to
 * clear it.
 */
const TPM_PAGES: NumberRange = { first: 0xfed40, count: 6 };

/** What of the first megabyte is RAM in every PC: the rest is the display's and the firmware's. */
const LOW_RAM: NumberRange = { first: 0, count: 0xa0 };

/** What pages that a domain is given are on every machine, where that is nobody's to have. */
export function pagesFault(pages: NumberRange): Fault | undefined {
  if (overlap(pages, TPM_PAGES)) {
    return {
      message: 'the registers of the TPM are for domB, and for dom0 after it',
      hint: 'give other pages; a guest gets a TPM of its own by "vtpm"',
    };
  }
  return overlap(pages, LOW_RAM) ? RAM_FAULT : undefined;
}

/** What pages are on this machine.
 * @param ram the pages that its memory map says are RAM
 */
export function ramFault(pages: NumberRange, ram: readonly NumberRange[]): Fault | undefined {
  return ram.some((each) => overlap(pages, each)) ? RAM_FAULT : undefined;
}

const RAM_FAULT: Fault = {
  message:
    'these pages are RAM, some of them at least: what is there belongs to Xen or to a domain',
  hint: 'name the pages of a device; /proc/iomem shows them',
};

function overlap(a: NumberRange, b: NumberRange): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

/**
 * A pv kernel sees devices at their machine addresses, where it must not have memory of its own. 32-bit devices are below
 * 4 GiB, on machines of today from 2 GiB on.
 */
const MOST_KIB_WITH_PCI = 2 * 1024 * 1024;

/** What a domain with PCI devices breaks. */
export function pciFault({
  type,
  hardware,
  xenstore,
  maxMemoryKiB,
}: Known<'type' | 'hardware' | 'xenstore' | 'maxMemoryKiB'>): Fault | undefined {
  if (hardware) {
    const message = 'the hardware domain has every device that no other domain is given';
    return { message, hint: 'remove "pci"' };
  }
  if (type !== undefined && type !== 'pv') {
    return { message: `a ${type} domain can't be given PCI devices`, hint: 'make it type pv' };
  }
  if (xenstore === false) {
    return { message: 'a PCI device is given through xenstore', hint: 'add "xenstore: true"' };
  }
  if (maxMemoryKiB !== undefined && maxMemoryKiB > MOST_KIB_WITH_PCI) {
    return {
      message: `the memory of a domain with PCI devices must end below them, and ${formatMemory(maxMemoryKiB)} may not`,
      hint: `give it ${formatMemory(MOST_KIB_WITH_PCI)} at most`,
    };
  }
  return undefined;
}

/** The kinds of devices that a domain is given. */
export function givenDevices({
  devices,
}: Pick<DomainProperties, 'devices'>): (keyof DomainDevices)[] {
  return (Object.keys(devices) as (keyof DomainDevices)[]).filter(
    (kind) => devices[kind].length > 0,
  );
}
