import { showDomid } from '../domids.ts';
import type { Check } from './check.ts';

/** What Xen's command line decides. */
export interface XenOptions {
  /** Most pages of a grant table, and of a maptrack table. */
  grantFrames: number;
  maptrackFrames: number;
  /** The domid that makes a domain the hardware domain; undefined when the options name none. */
  hardwareDomid: number | undefined;
}

/** Checks what the manifest wants of a Xen that is started with these options. */
export function xenOptions(xen: XenOptions): Check {
  return {
    rule: 'xen-options',
    says: "Grant limits and the hardware domain's domid are what Xen's options allow.",
    run({ domains }, report) {
      for (const domain of domains) {
        const { path, domid, capabilities } = domain;
        for (const [key, most, option] of [
          ['max_grant_frames', xen.grantFrames, 'gnttab_max_frames'],
          ['max_maptrack_frames', xen.maptrackFrames, 'gnttab_max_maptrack_frames'],
        ] as const) {
          if ((domain[key] ?? 0) <= most) continue;
          report(
            [...path, key],
            `Xen gives a domain at most ${most}`,
            `ask for less, or raise ${option}= on Xen's command line`,
          );
        }
        if (domid === undefined || !capabilities?.includes('hardware')) continue;
        if (domid === xen.hardwareDomid) continue;
        report(
          [...path, 'domid'],
          xen.hardwareDomid === undefined
            ? "Xen's options name no hardware domain"
            : `Xen's options make domain ${showDomid(xen.hardwareDomid)} the hardware domain`,
          domid === 0
            ? 'start Xen with boot-domain'
            : `start Xen with hardware_dom=${domid}, or with boot-domain and write domid 0`,
        );
      }
    },
  };
}
