/** What Xen makes of what a domain is created with. */
import type { DomainProperties, Limit } from '../domains/settings.ts';
import { ownRelease } from '../xen-releases/releases.ts';
import type { CreationOutcome } from './holdings.ts';
import type { HostInfo } from './hypervisor.ts';
import { grantLimitsOf } from './xen-command-line.ts';

/**
 * What libxl allows a domain beyond its own memory (LIBXL_MAXMEM_CONSTANT): the special pages of a PVH or HVM domain count
 * against the limit, too.
 */
const SLACK_KIB = 1024;

/** What a domain's memory can become, in the end. */
export const mostMemoryKiB = ({ maxMemoryKiB }: Pick<DomainProperties, 'maxMemoryKiB'>): number =>
  maxMemoryKiB + SLACK_KIB;

/** libxl's default for a guest; Xen's own for the hardware domain, which needs one for each interrupt. */
const GUEST_EVENT_CHANNELS = 1023;
const NO_LIMIT = 0xffff_ffff;
/** What Xen makes of no limit: INT_MAX (evtchn_init, xen/common/event_channel.c). */
const MOST_EVENT_CHANNELS = 0x7fff_ffff;

/** The highest event channel port that Xen is asked for. */
export const highestPort = ({ limits, hardware }: DomainProperties): number =>
  limitOr(limits.eventChannels, hardware ? NO_LIMIT : GUEST_EVENT_CHANNELS);

/** The number that Xen is given for a limit. */
export function limitOr(limit: Limit, own: number): number {
  return limit === 'default' ? own : limit;
}

/** Emulated devices of each type; the only sets that Xen allows (emulation_flags_ok, xen/arch/x86/domain.c). */
export function emulatedDevices({ type }: Pick<DomainProperties, 'type'>): number {
  const { XEN_X86_EMU_ALL, XEN_X86_EMU_LAPIC, XEN_X86_EMU_VPCI } = ownRelease.layout.constants;
  return { pv: 0, pvh: XEN_X86_EMU_LAPIC, hvm: XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI }[type];
}

/** The hardware domain drives all devices that nobody else has, through the IOMMU if Xen uses one. */
export const behindIommu = (
  { type, iommu, hardware }: DomainProperties,
  host: Pick<HostInfo, 'iommu'>,
): boolean => type === 'pv' && (iommu || (hardware && host.iommu));

/** Xen adds the timer of PCs for a hardware domain (arch_domain_create, xen/arch/x86/domain.c). */
function emulatedInTheEnd(domain: Pick<DomainProperties, 'type' | 'hardware'>): number {
  const { XEN_X86_EMU_PIT } = ownRelease.layout.constants;
  return emulatedDevices(domain) | (domain.hardware ? XEN_X86_EMU_PIT : 0);
}

/** What has to come of a domain's creation on the running Xen. */
export function expectedCreation(
  domain: DomainProperties,
  host: Pick<HostInfo, 'iommu' | 'commandLine'>,
): CreationOutcome {
  const own = grantLimitsOf(host.commandLine);
  return {
    grantFrames: limitOr(domain.limits.grantFrames, own.grantFrames),
    maptrackFrames: limitOr(domain.limits.maptrackFrames, own.maptrackFrames),
    eventChannels: Math.min(highestPort(domain), MOST_EVENT_CHANNELS),
    emulated: emulatedInTheEnd(domain),
    nestedHvm: domain.nestedHvm,
    msrRelaxed: domain.msrRelaxed,
    iommu: behindIommu(domain, host),
    xenstoreDomain: false,
    vpmu: false,
    traceBytes: 0,
  };
}
