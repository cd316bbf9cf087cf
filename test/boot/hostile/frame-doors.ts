import { always, type Door, type Question, type Situation } from './door.ts';
import type { Result } from './results.ts';

/** Where the emulated machine has RAM, as Xen says when it starts; and where it has put itself: 2 MiB behind "New Xen image base address". */
const ram = [
  0x1000, 0x10000, 0x20000, 0x30000, 0x40000, 0x50000, 0x60000, 0x70000, 0x100000, 0x130000,
];
const xen = 0x7fa10;
/** RAM of the first megabyte: the BIOS's data, and the code by which Xen starts processors. */
const low = [0x1, 0x90];
const apic = 0xfee00;
const tpm = 0xfed42;
/** A port that calls firmware; and where QEMU's firmware is told to do DMA. */
const port = { firmware: 0xb2, dma: 0x514 };
const DOMID_IO = 0x7ff1;

const byDom0 = (
  attempt: string,
  number: number,
  result: Result,
  because: string,
  more: Partial<Door> = {},
): Door => ({
  ...{ attempt, number, result, of: 'platform', asks: undefined, onlyBy: ['dom0'] },
  ...{ earlier: [always(result, because)], ...more },
});

const nobodyHas = 'nobody has rights over RAM, nor over what Xen keeps for itself';

/** Of what dom0 has itself, none of this may be given away: FLASK looks at its label where the domain could be given something. */
const labelled = (attempt: string, number: number, label: string, permission: string): Door => ({
  ...{ attempt, number, result: 'EPERM', of: 'domain', earlier: [], onlyBy: ['dom0'] },
  asks: ({ caller, target }: Situation): Question => ({
    ...{ source: caller.type, class: 'resource' },
    ...(target.type === 'driver_t'
      ? { target: label, permissions: [permission] }
      : { target: target.type, permissions: ['add'] }),
  }),
});

/** Frames that are somebody's, for dom0 itself and for those whom it might give them. */
export const frameDoors: readonly Door[] = [
  ...[...ram, xen, ...low, apic].map((frame) =>
    byDom0('iomem', frame, 'EPERM', nobodyHas, { of: 'domain' }),
  ),
  ...[xen, ...low, apic, tpm].map((frame) =>
    byDom0('map-iomem', frame, 'EPERM', 'one of the two has no right to it', { of: 'domain' }),
  ),
  ...ram.flatMap((frame) =>
    ['iomem-sweep', 'map-iomem-sweep'].map((attempt) =>
      byDom0(attempt, frame, 'nothing', nobodyHas, { of: 'domain' }),
    ),
  ),
  labelled('iomem', tpm, 'tpm_iomem_t', 'add_iomem'),
  labelled('ioport', port.firmware, 'platform_ioport_t', 'add_ioport'),
  byDom0('ioport', port.dma, 'EPERM', "Xen's command line leaves it out", { of: 'domain' }),
  byDom0('read-port', port.dma, 'all ones in 8 bits', "Xen's command line leaves it out"),
  // dom0's own page tables.
  byDom0('update-va-mapping', xen, 'EBUSY', 'the page is no device', { domid: DOMID_IO }),
  ...[...low, apic].map((frame) =>
    byDom0('update-va-mapping', frame, 'EPERM', nobodyHas, { domid: DOMID_IO }),
  ),
  // Xen writes to the table of a device's interrupts, wherever the device says that it is.
  ...[0x1000, xen & ~3, apic].map((frame) =>
    byDom0('msix-elsewhere', frame, 'EPERM', 'dom0 may not write there itself'),
  ),
];
