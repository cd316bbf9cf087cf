import { givenDevices, ramFault } from '../../domains/rules/devices.ts';
import type { DomainDevices, DomainProperties } from '../../domains/settings.ts';
import { attempts } from '../attempts.ts';
import { deviceNotHeld, showRange } from '../creation-checks.ts';
import { CallError } from '../ffi/errors.ts';
import type { DomainCreation, HostInfo, HypervisorError } from '../hypervisor.ts';
import { bootDomidOf } from '../xen-command-line.ts';
import { xenFacts } from './inventory.ts';
import type { XenSession } from './session.ts';

/**
 * Gives a new domain its parts of the machine, and takes them from this domain. Xen lets a domain give only what it has
 * itself; and the hardware domain, created later, takes over what this domain has by then (late_hwdom_init,
 * xen/common/domain.c). So each part has one holder.
 */
export function giveDevices(session: XenSession, domain: DomainCreation): void {
  const { domid, devices } = domain;
  if (givenDevices(domain).length === 0) return;
  // These calls know no DOMID_SELF.
  move(session, bootDomidOf(xenFacts(session).commandLine), domid, devices);
}

/**
 * Moves devices between two others, when this domain has nothing of the machine any more: Xen asks the policy whether it may
 * (`resource delegate`), and lets nobody have what the hardware domain does not have (xen/include/xen/iocap.h of our series).
 */
export function moveDevices(
  session: XenSession,
  from: number,
  to: number,
  devices: DomainDevices,
): void {
  session.attempt(attempts.moveDevices(from, to), () => move(session, from, to, devices));
}

/** In this order: what nobody had could not be given. */
function move(
  { xc, xch }: XenSession,
  from: number,
  to: number,
  { ioports, iomem, irqs }: DomainDevices,
): void {
  for (const range of ioports) {
    xc.xc_domain_ioport_permission({ xch, domid: to, ...range, allow: 1 });
    xc.xc_domain_ioport_permission({ xch, domid: from, ...range, allow: 0 });
  }
  for (const range of iomem) {
    xc.xc_domain_iomem_permission({ xch, domid: to, ...range, allow: 1 });
    xc.xc_domain_iomem_permission({ xch, domid: from, ...range, allow: 0 });
  }
  for (const pirq of irqs) {
    xc.xc_domain_irq_permission({ xch, domid: to, pirq, allow: true });
    xc.xc_domain_irq_permission({ xch, domid: from, pirq, allow: false });
  }
}

/**
 * The devices that this domain can't give. Xen has no question for that, but gives a domain what it has already: to permit
 * something to oneself changes nothing, or fails as giving it would.
 */
export function devicesNotHeld(
  session: XenSession,
  domain: DomainProperties,
  { ram }: Pick<HostInfo, 'ram'>,
): HypervisorError[] {
  const { devices } = domain;
  const faults: HypervisorError[] = [];
  const { xc, xch } = session;
  const domid = bootDomidOf(xenFacts(session).commandLine);
  const hold = (what: string, permit: () => void): void => {
    try {
      permit();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      faults.push(deviceNotHeld(domain, error.call, what));
    }
  };
  for (const range of devices.ioports) {
    hold(`the I/O ports ${showRange(range)}`, () =>
      xc.xc_domain_ioport_permission({ xch, domid, ...range, allow: 1 }),
    );
  }
  for (const range of devices.iomem) {
    // Said already, in better words.
    if (ramFault(range, ram)) continue;
    hold(`the device memory in the pages ${showRange(range)}`, () =>
      xc.xc_domain_iomem_permission({ xch, domid, ...range, allow: 1 }),
    );
  }
  for (const pirq of devices.irqs) {
    hold(`interrupt ${pirq}`, () => xc.xc_domain_irq_permission({ xch, domid, pirq, allow: true }));
  }
  return faults;
}
