import { attempts } from '../attempts.ts';
import type { DomainCreation, DomainImage, DomainRings } from '../hypervisor.ts';
import { checkImage, tooLarge } from '../image-checks.ts';
import { type JoinedMemory, joinMemory } from '../mapped-files.ts';
import { BuilderImage } from './builder-image.ts';
import type { HandoverRegion } from './handover.ts';
import { locateRegion } from './handover.ts';
import { describeMachine, prepareContainer, waitForXenstore } from './hvm-container.ts';
import { freeMemoryKiB } from './inventory.ts';
import { giveRings, isIntroducedLater, type Partner, ringsOf } from './rings.ts';
import type { XenSession } from './session.ts';

/**
 * What libxenguest is told in place of domid 0, which it takes for "no domain, build in anonymous memory". The 16-bit
 * domid fields of domctl and privcmd cut it to 0.
 */
const DOMAIN_ZERO = 0x10000;

/**
 * Builds a created domain from the given bytes.
 * @param partner the domain that will serve its console and xenstore: the hardware domain
 * @returns the region that {@link DomainImage.handoverBytes} reserved, if any, and the rings to `partner`
 */
export async function buildDomain(
  session: XenSession,
  domain: DomainCreation,
  image: DomainImage,
  partner: Partner,
): Promise<{ region: HandoverRegion | undefined; rings: DomainRings }> {
  checkImage(domain, image);
  const free = freeMemoryKiB(session);
  // libxc would tell no more than EBUSY.
  if (free < domain.memoryKiB) throw tooLarge(domain, free);
  return session.attemptSlow(attempts.build(domain), async () => {
    const later = isIntroducedLater(session, domain, partner);
    const dom = new BuilderImage(session, image.cmdline);
    const module = ramdiskOf(image);
    try {
      await runBuilder(session, dom, domain, {
        ...{ kernel: image.kernel, module },
        ...{ partner: partner.domid, later },
      });
      return {
        region: locateRegion(dom, domain, image.handoverBytes),
        rings: ringsOf(dom, domain, later),
      };
    } finally {
      dom.release();
      module?.release();
    }
  });
}

interface BuildSources {
  kernel: Uint8Array;
  /** The ramdisk with the region in front of it. */
  module: JoinedMemory | undefined;
  partner: number;
  later: boolean;
}

function ramdiskOf({ ramdisk = [], handoverBytes }: DomainImage): JoinedMemory | undefined {
  const length = ramdisk.reduce((sum, segment) => sum + segment.length, handoverBytes);
  return length === 0 ? undefined : joinMemory(handoverBytes, ramdisk);
}

/** The order of these calls is libxl's (libxl__build_dom), but for what domain 0 needs. */
async function runBuilder(
  session: XenSession,
  image: BuilderImage,
  domain: DomainCreation,
  { kernel, module, partner, later }: BuildSources,
): Promise<void> {
  const { guest, xch, layout } = session;
  const { constants } = layout;
  const { domid, type, memoryKiB } = domain;
  const { dom } = image;
  const assisted = type !== 'pv';

  loadImages(session, image, kernel, module);
  guest.xc_dom_boot_xen_init({ dom, xch, domid: domid === 0 ? DOMAIN_ZERO : domid });
  image.set({
    container_type: assisted ? constants.XC_DOM_HVM_CONTAINER : constants.XC_DOM_PV_CONTAINER,
    flags: domain.hardware ? constants.SIF_PRIVILEGED | constants.SIF_INITDOMAIN : 0,
    max_vcpus: domain.maxVcpus,
  });
  await guest.xc_dom_parse_image({ dom });
  giveRings(session, image, domain, partner);
  if (assisted) prepareContainer(session, image, domain);

  guest.xc_dom_mem_init({ dom, MiB: Math.floor(memoryKiB / 1024) });
  image.set({ total_pages: memoryKiB / 4 });
  await guest.xc_dom_boot_mem_init({ dom });
  if (assisted) describeMachine(session, image, domain);
  await guest.xc_dom_build_image({ dom });
  if (domid === 0) becomeDomainZero(session, image);
  await guest.xc_dom_boot_image({ dom });
  guest.xc_dom_gnttab_init({ dom });
  if (later) waitForXenstore(session, domid);
}

/**
 * Tells the builder the true domid, which xc_dom_boot_image compares with what Xen reports. Of the memory it writes to,
 * only the start info page is not mapped by then; it would take anonymous memory for it.
 */
function becomeDomainZero(session: XenSession, image: BuilderImage): void {
  const first = image.get('start_info_pfn');
  session.guest.xc_dom_pfn_to_ptr({ dom: image.dom, first, count: 1 });
  image.set({ guest_domid: 0 });
}

function loadImages(
  session: XenSession,
  image: BuilderImage,
  source: Uint8Array,
  module: JoinedMemory | undefined,
): void {
  const { guest } = session;
  const { dom } = image;
  const kernel = image.hold(source);
  guest.xc_dom_kernel_mem({ dom, memory: kernel, size: kernel.length });

  if (module === undefined) return;
  const { address: memory, length: size } = module;
  // libxenguest unpacks gzip files unless that would take more than this: the domain shall get what was measured.
  guest.xc_dom_module_max_size({ dom, size });
  guest.xc_dom_module_mem({ dom, memory, size, cmdline: null });
}
