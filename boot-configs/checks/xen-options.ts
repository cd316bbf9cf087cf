import { confinementFaults, isolationFaults } from '../../domains/rules/isolation.ts';
import {
  boundedLimits,
  type GrantLimits,
  grantFault,
  hardwareDomidFault,
} from '../../domains/rules/xen.ts';
import { isHardware } from '../draft.ts';
import { limitKeys } from '../properties/limits.ts';
import type { Check } from './check.ts';

/** What Xen's command line decides. */
export interface XenOptions extends GrantLimits {
  commandLine: string;
  /** The domid that makes a domain the hardware domain; undefined when the options name none. */
  hardwareDomid: number | undefined;
}

/** Checks what the manifest wants of a Xen that is started with these options. */
export function xenOptions(xen: XenOptions): Check {
  return {
    rule: 'xen-options',
    says: "Grant limits, the hardware domain's domid and `iommu: required` are what Xen's options allow, and none of these undoes isolation.",
    run({ domains, iommu }, report) {
      for (const { message, hint } of isolationFaults(xen.commandLine)) report([], message, hint);
      for (const { message, hint } of iommu === 'required'
        ? confinementFaults(xen.commandLine)
        : []) {
        report(['platform', 'iommu'], message, hint);
      }
      for (const domain of domains) {
        const { path, domid } = domain;
        for (const limit of boundedLimits) {
          const key = limitKeys[limit];
          const fault = grantFault(limit, domain[key], xen);
          if (fault) report([...path, key], fault.message, fault.hint);
        }
        const hardware = domain.refused('capabilities') ? undefined : isHardware(domain);
        const fault = hardwareDomidFault({ domid, hardware }, xen.hardwareDomid);
        if (fault) report([...path, 'domid'], fault.message, fault.hint);
      }
    },
  };
}
