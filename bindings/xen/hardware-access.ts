import type { NumberRange } from '../../domains/settings.ts';
import { attempts } from '../attempts.ts';
import { CallError } from '../ffi/errors.ts';
import { giveUpRights, type Resource } from '../hardware-access.ts';
import type { HardwareAccess } from '../hypervisor.ts';
import { bootDomidOf } from '../xen-command-line.ts';
import { xenFacts } from './inventory.ts';
import type { XenSession } from './session.ts';

/**
 * Gives up rights of this domain before the hardware domain is created and takes over what there is (late_hwdom_init,
 * xen/common/domain.c). Afterwards it would be too late: Xen lets a domain change only rights that it has itself.
 */
export function giveUpHardware(session: XenSession, access: HardwareAccess): void {
  const domid = bootDomidOf(xenFacts(session).commandLine);
  session.attempt(attempts.restrictHardware, () =>
    giveUpRights(access, {
      giveUp: (resource, range) => permitted(() => setOwn(session, domid, resource, range, false)),
      // To allow oneself what one has changes nothing, and works for nothing else.
      holds: (resource, range) => permitted(() => setOwn(session, domid, resource, range, true)),
    }),
  );
}

function setOwn(
  { xc, xch }: XenSession,
  domid: number,
  resource: Resource,
  range: NumberRange,
  allow: boolean,
): void {
  const flag = allow ? 1 : 0;
  if (resource === 'ioports') xc.xc_domain_ioport_permission({ xch, domid, ...range, allow: flag });
  if (resource === 'iomem') xc.xc_domain_iomem_permission({ xch, domid, ...range, allow: flag });
  if (resource !== 'irqs') return;
  for (let pirq = range.first; pirq < range.first + range.count; pirq++) {
    xc.xc_domain_irq_permission({ xch, domid, pirq, allow });
  }
}

/** False when Xen says that this domain may not. A denial by the policy looks the same, but is on Xen's console. */
function permitted(call: () => void): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof CallError && error.errno === 'EPERM') return false;
    throw error;
  }
}
