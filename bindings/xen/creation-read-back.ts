import { StructView } from '../ffi/struct.ts';
import type { CreationOutcome } from '../holdings.ts';
import type { Hypercalls } from '../libxencall.ts';
import { domctl, OWN_DOMCTLS, whereKnown } from './domctl.ts';
import type { XenSession } from './session.ts';

/** @returns undefined when this Xen does not know the question */
export function creationOf(
  session: XenSession,
  calls: Hypercalls,
  domid: number,
): CreationOutcome | undefined {
  const { layout } = session;
  const { constants } = layout;
  const answer = whereKnown(() => domctl(session, calls, domid, OWN_DOMCTLS.creation));
  if (answer === undefined) return undefined;
  const config = new StructView(layout, 'xen_domctl_createdomain', answer);
  const flags = config.number('flags');
  return {
    grantFrames: config.number('max_grant_frames'),
    maptrackFrames: config.number('max_maptrack_frames'),
    eventChannels: config.number('max_evtchn_port'),
    emulated: config.number('arch.emulation_flags'),
    nestedHvm: (flags & constants.XEN_DOMCTL_CDF_nested_virt) !== 0,
    msrRelaxed: (config.number('arch.misc_flags') & constants.XEN_X86_MSR_RELAXED) !== 0,
    iommu: (flags & constants.XEN_DOMCTL_CDF_iommu) !== 0,
    xenstoreDomain: (flags & constants.XEN_DOMCTL_CDF_xs_domain) !== 0,
    vpmu: (flags & constants.XEN_DOMCTL_CDF_vpmu) !== 0,
    traceBytes: config.number('vmtrace_size'),
  };
}
