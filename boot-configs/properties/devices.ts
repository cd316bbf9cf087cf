import { deviceFault, pagesFault } from '../../domains/rules/devices.ts';
import type { NumberRange } from '../../domains/settings.ts';
import type { Check } from '../checks/check.ts';
import { IOPORTS, iomemRange, ioportRange, MACHINE_PAGES } from '../device-ranges.ts';
import { isHardware } from '../draft.ts';
import { deviceItems, deviceProperties } from './device-items.ts';
import { deviceOverlap } from './device-overlap.ts';
import { atCreation, property } from './property.ts';

export const deviceHolder: Check = {
  rule: 'device-holder',
  says: 'ioports, iomem and irqs are for pv domains other than the hardware domain.',
  run({ domains }, report) {
    for (const domain of domains) {
      const { path, type } = domain;
      for (const property of deviceProperties) {
        if ((domain[property] ?? []).length === 0) continue;
        const fault = deviceFault(property, { type, hardware: isHardware(domain) });
        if (fault) report([...path, property], fault.message, fault.hint);
      }
    }
  },
};

/** The line through which the second interrupt controller reports to the first. */
const CASCADE = 2;

export const deviceRange: Check = {
  rule: 'device-range',
  says: 'Ranges in ioports and iomem are not empty and end where the machine does; no domain has interrupt 2.',
  run({ domains }, report) {
    for (const domain of domains) {
      for (const { path, first, count, text } of deviceItems(domain, 'ioports')) {
        // Four digits cannot lead beyond the last port.
        if (count > 0 && first + count <= IOPORTS) continue;
        report(path, `the range ${text} is empty`, 'write the lower port first');
      }
      for (const { path, first, count } of deviceItems(domain, 'iomem')) {
        if (count < 1) report(path, 'these are no pages', 'write how many pages after the comma');
        else if (first + count > MACHINE_PAGES) {
          report(path, 'no machine has such pages', 'write the address without its last 3 digits');
        }
      }
      for (const { path, first } of deviceItems(domain, 'irqs')) {
        if (first !== CASCADE) continue;
        report(
          path,
          'interrupt 2 joins the two interrupt controllers',
          'name an interrupt that a device has',
        );
      }
    }
  },
};

export const deviceReserved: Check = {
  rule: 'device-reserved',
  says: 'No domain is given the registers of the TPM, or RAM of the first megabyte.',
  run({ domains }, report) {
    for (const domain of domains) {
      for (const { path, first, count } of deviceItems(domain, 'iomem')) {
        const fault = pagesFault({ first, count });
        if (fault) report(path, fault.message, fault.hint);
      }
    }
  },
};

const checks = [deviceHolder, deviceRange, deviceReserved, deviceOverlap];

export const ioportsProperty = property({
  checks,
  read: ({ ioports = [] }) => ({ devices: { ioports: ascending(ioports.map(ioportRange)) } }),
  asks: ({ devices: { ioports } }) => ({ devices: { ioports } }),
  shown: atCreation(({ devices: { ioports } }) =>
    ioports.length > 0 ? { ioports: ioports.map(showRange).join(',') } : undefined,
  ),
  honouredBy: ['creation'],
  changeable: true,
});

export const iomemProperty = property({
  checks,
  read: ({ iomem = [] }) => ({ devices: { iomem: ascending(iomem.map(iomemRange)) } }),
  asks: ({ devices: { iomem } }) => ({ devices: { iomem } }),
  shown: atCreation(({ devices: { iomem } }) =>
    iomem.length > 0 ? { iomem: iomem.map(showRange).join(',') } : undefined,
  ),
  honouredBy: ['creation'],
  changeable: true,
});

export const irqsProperty = property({
  checks,
  read: ({ irqs = [] }) => ({ devices: { irqs: irqs.toSorted((a, b) => a - b) } }),
  asks: ({ devices: { irqs } }) => ({ devices: { irqs } }),
  shown: atCreation(({ devices: { irqs } }) =>
    irqs.length > 0 ? { irqs: irqs.join(',') } : undefined,
  ),
  honouredBy: ['creation'],
  changeable: true,
});

function ascending(ranges: NumberRange[]): NumberRange[] {
  return ranges.sort((a, b) => a.first - b.first);
}

/** As Xen shows ranges: in hexadecimal, the last one included. */
function showRange({ first, count }: NumberRange): string {
  const last = (first + count - 1).toString(16);
  return count === 1 ? last : `${first.toString(16)}-${last}`;
}
