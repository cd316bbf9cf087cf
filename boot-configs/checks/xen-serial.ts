import type { XenSerialPort } from '../../domains/xen-options.ts';
import { deviceItems } from '../properties/device-items.ts';
import type { Check } from './check.ts';

/** A serial port has so many I/O ports. */
const PORTS = 8;

/** Checks that no domain is given a serial port that Xen drives itself: Xen gives it to nobody, and the boot would fail. */
export function xenSerial(ports: readonly XenSerialPort[]): Check {
  return {
    rule: 'xen-serial',
    says: 'No domain is given the I/O ports or the interrupt of a serial port that Xen uses.',
    run({ domains }, report) {
      for (const domain of domains) {
        for (const { name, first: base, irq } of ports) {
          const hint = `give it another device, or take ${name} out of Xen's options (console=, ${name}=)`;
          for (const { path, first, count } of deviceItems(domain, 'ioports')) {
            if (base === undefined || first >= base + PORTS || first + count <= base) continue;
            const range = `${base.toString(16)}-${(base + PORTS - 1).toString(16)}`;
            report(path, `Xen itself uses its ${name}, the ports ${range}`, hint);
          }
          for (const { path, first } of deviceItems(domain, 'irqs')) {
            if (first !== irq) continue;
            report(path, `Xen itself uses its ${name}, and that interrupt ${irq}`, hint);
          }
        }
      }
    },
  };
}
