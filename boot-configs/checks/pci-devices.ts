import type { DraftDomain } from '../draft.ts';
import { formatMemory, memoryKiB } from '../memory.ts';
import { pciAddress } from '../pci-address.ts';
import type { Check, Report } from './check.ts';

/**
 * A pv kernel sees devices at their machine addresses, where it must not have memory of its own. 32-bit devices are below
 * 4 GiB, on machines of today from 2 GiB on.
 */
const MOST_KIB = 2 * 1024 * 1024;

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
  const { path, type, capabilities, memory, maxmem = memory, xenstore } = domain;
  const at = [...path, 'pci'];
  if (capabilities?.includes('hardware')) {
    report(
      at,
      'the hardware domain has every device that no other domain is given',
      'remove "pci"',
    );
  } else if (type !== undefined && type !== 'pv') {
    report(at, `a ${type} domain can't be given PCI devices`, 'make it type pv');
  } else if (xenstore !== true && !domain.refused('xenstore')) {
    report(at, 'a PCI device is given through xenstore', 'add "xenstore: true"');
  } else if (maxmem !== undefined && memoryKiB(maxmem) > MOST_KIB) {
    report(
      at,
      `the memory of a domain with PCI devices must end below them, and ${maxmem} may not`,
      `give it ${formatMemory(MOST_KIB)} at most`,
    );
  }
}
