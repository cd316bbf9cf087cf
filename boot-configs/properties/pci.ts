import { memoryKiB } from '../../domains/memory.ts';
import { pciFault } from '../../domains/rules/devices.ts';
import type { Check, Report } from '../checks/check.ts';
import { type DraftDomain, hasXenstore, isHardware } from '../draft.ts';
import { pciAddress } from '../pci-address.ts';
import { atCreation, property } from './property.ts';

export const pciDevices: Check = {
  rule: 'pci',
  says: 'pci is for pv domains with xenstore and up to 2GiB, and no device is given twice.',
  run({ domains }, report) {
    const holders = new Map<string, DraftDomain>();
    for (const domain of domains) {
      const devices = domain.pci ?? [];
      if (devices.length === 0) continue;
      checkHolder(domain, report);
      for (const [index, device] of devices.entries()) {
        // A refused one is missing.
        if (device === undefined) continue;
        const holder = holders.get(pciAddress(device));
        if (holder === undefined) {
          holders.set(pciAddress(device), domain);
          continue;
        }
        const who = holder === domain ? 'it' : `domain "${holder.name ?? ''}"`;
        const message = `${who} has this device already`;
        report([...domain.path, 'pci', index], message, 'give it to one domain only');
      }
    }
  },
};

function checkHolder(domain: DraftDomain, report: Report): void {
  const { path, type, memory, maxmem = memory } = domain;
  const fault = pciFault({
    type,
    hardware: isHardware(domain),
    xenstore: hasXenstore(domain),
    maxMemoryKiB: maxmem === undefined ? undefined : memoryKiB(maxmem),
  });
  if (fault) report([...path, 'pci'], fault.message, fault.hint);
}

/** Domain 0 attaches the devices; the domain is made so that the IOMMU can confine them. */
export const pciProperty = property({
  checks: [pciDevices],
  read: ({ pci = [] }) => ({ pci: pci.map(pciAddress).sort() }),
  asks: ({ pci }) => ({ iommu: pci.length > 0 }),
  shown: atCreation(({ pci }) => (pci.length > 0 ? { pci: pci.join(',') } : undefined)),
  honouredBy: ['creation', 'record'],
  changeable: false,
});
