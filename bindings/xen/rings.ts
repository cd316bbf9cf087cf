import type { DomainCreation, DomainRings, Ring } from '../hypervisor.ts';
import type { BuilderImage } from './builder-image.ts';
import type { XenSession } from './session.ts';

/**
 * Makes the event channels of the domain's rings and says who may map their pages: xc_dom_gnttab_init makes no grant for the
 * domain itself. A PVH or HVM domain has an event channel for xenstore in any case: without one its kernel takes a frame that
 * says "later" (see waitForXenstore) for a mistake.
 */
export function giveRings(
  session: XenSession,
  image: BuilderImage,
  { domid, type, xenstore = false, console = false }: DomainCreation,
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

/** The rings of a built domain. To be called before the builder's state is released. */
export function ringsOf(image: BuilderImage, domain: DomainCreation): DomainRings {
  const { type, xenstore = false, console = false } = domain;
  const ring = (pfn: bigint, port: bigint): Ring => {
    const frame = type === 'pv' ? image.machineFrames(Number(pfn), 1).readBigUInt64LE() : pfn;
    return { frame: Number(frame), port: Number(port) };
  };
  return {
    ...(xenstore
      ? { xenstore: ring(image.get('xenstore_pfn'), image.get('xenstore_evtchn')) }
      : {}),
    ...(console ? { console: ring(image.get('console_pfn'), image.get('console_evtchn')) } : {}),
  };
}
