import { bootDomidOf, hasDevices } from '../creation-checks.ts';
import type { DomainCreation } from '../hypervisor.ts';
import { hostInfo } from './inventory.ts';
import type { XenSession } from './session.ts';

/**
 * Gives a new domain its parts of the machine, and takes them from this domain. Xen lets a domain give only what it has
 * itself; and the hardware domain, created later, takes over what this domain has by then (late_hwdom_init,
 * xen/common/domain.c). So each part has one holder.
 */
export function giveDevices(session: XenSession, domain: DomainCreation): void {
  const { domid, devices } = domain;
  if (devices === undefined || !hasDevices(domain)) return;
  const { xc, xch } = session;
  const { ioports, iomem, irqs } = devices;
  // These calls know no DOMID_SELF.
  const self = bootDomidOf(hostInfo(session).commandLine);
  for (const range of ioports) {
    xc.xc_domain_ioport_permission({ xch, domid, ...range, allow: 1 });
    xc.xc_domain_ioport_permission({ xch, domid: self, ...range, allow: 0 });
  }
  for (const range of iomem) {
    xc.xc_domain_iomem_permission({ xch, domid, ...range, allow: 1 });
    xc.xc_domain_iomem_permission({ xch, domid: self, ...range, allow: 0 });
  }
  for (const pirq of irqs) {
    xc.xc_domain_irq_permission({ xch, domid, pirq, allow: true });
    xc.xc_domain_irq_permission({ xch, domid: self, pirq, allow: false });
  }
}
