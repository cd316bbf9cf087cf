import { IOPORTS, MACHINE_PAGES } from '../device-ranges.ts';
import type { Check } from './check.ts';
import { deviceItems } from './devices.ts';

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
