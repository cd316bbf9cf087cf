import type { DomainCreation, DomainRings, Ring } from '../hypervisor.ts';
import type { BuilderImage } from './builder-image.ts';
import { allowedBy } from './policy-question.ts';
import type { XenSession } from './session.ts';

/** Who serves a domain's xenstore and console: the hardware domain. */
export interface Partner {
  domid: number;
  /** Undefined where this boot domain did not make it. */
  seclabel: string | undefined;
}

/**
 * Whether the domain's kernel is told where its xenstore ring is only when it is introduced, and starts without: that takes a right
 * over the domain which lets its holder choose any of its pages, so that a policy may refuse it. Where it does, the kernel knows the
 * frame from the start, and waits.
 */
export function isIntroducedLater(
  { xc, xch, release }: XenSession,
  { type, xenstore, seclabel }: DomainCreation,
  partner: Partner,
): boolean {
  if (type === 'pv') return false;
  if (!xenstore || partner.seclabel === undefined) return true;
  const { hvm } = release.flask;
  const allowed = allowedBy(
    { xc, xch },
    { source: partner.seclabel, target: seclabel, class: hvm.class },
  );
  return (allowed & hvm.setparam) !== 0;
}

/**
 * Makes the event channels of the domain's rings and says who may map their pages: xc_dom_gnttab_init makes no grant for the
 * domain itself. A PVH or HVM domain has an event channel for xenstore in any case: without one its kernel takes a frame that
 * says "later" (see waitForXenstore) for a mistake.
 */
export function giveRings(
  session: XenSession,
  image: BuilderImage,
  { domid, type, xenstore, console }: DomainCreation,
  partner: number,
): void {
  const { xc, xch } = session;
  const port = () => xc.xc_evtchn_alloc_unbound({ xch, domid, remote: partner });
  image.set({
    console_domid: console ? partner : domid,
    xenstore_domid: xenstore ? partner : domid,
    ...(xenstore || type !== 'pv' ? { xenstore_evtchn: port() } : {}),
    ...(console ? { console_evtchn: port() } : {}),
  });
}

/**
 * The rings of a built domain. To be called before the builder's state is released.
 * @param later what {@link isIntroducedLater} says
 */
export function ringsOf(
  image: BuilderImage,
  { type, xenstore, console }: DomainCreation,
  later: boolean,
): DomainRings {
  const ring = (pfn: bigint, port: bigint): Ring => {
    const frame = type === 'pv' ? image.machineFrames(Number(pfn), 1).readBigUInt64LE() : pfn;
    return { frame: Number(frame), port: Number(port) };
  };
  const told = type !== 'pv' && !later;
  return {
    ...(xenstore
      ? {
          xenstore: {
            ...ring(image.get('xenstore_pfn'), image.get('xenstore_evtchn')),
            ...(told ? { told } : {}),
          },
        }
      : {}),
    ...(console ? { console: ring(image.get('console_pfn'), image.get('console_evtchn')) } : {}),
  };
}
