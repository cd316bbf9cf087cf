import { buildLabel } from '../../domains/build-label.ts';
import type { DomainProperties } from '../../domains/settings.ts';
import { attempts } from '../attempts.ts';
import { securityId } from './inventory.ts';
import type { XenSession } from './session.ts';

/**
 * The SID of the label that a domain has while it is built.
 * @throws HypervisorError when the policy has no such label, or not the domain's own
 */
export function buildSid(session: XenSession, { seclabel }: DomainProperties): number {
  securityId(session, seclabel);
  const label = buildLabel(seclabel);
  return securityId(session, label, attempts.resolveForBuilding(label, seclabel));
}

/** Gives a built domain its own label (FLASK_RELABEL_DOMAIN, xen/xsm/flask/flask_op.c). */
export function relabelDomain(session: XenSession, domid: number, seclabel: string): void {
  const sid = securityId(session, seclabel);
  const { xc, xch } = session;
  session.attempt(attempts.label(domid), () => xc.xc_flask_relabel_domain({ xch, domid, sid }));
}
