/** What Xen's command line decides about domains. */
import { BOOT_DOMID } from '../domains/domids.ts';
import type { GrantLimits } from '../domains/rules/xen.ts';

/**
 * The domid whose creation makes a domain the hardware domain, by Xen's command line: 0 with `boot-domain`, else that of
 * `hardware_dom=`; undefined when there is neither.
 */
export function hardwareDomidOf(xenCommandLine: string): number | undefined {
  let late: number | undefined;
  let bootDomain = false;
  // As in Xen, the last one counts.
  for (const word of xenCommandLine.split(/\s+/)) {
    const [name, value] = word.split('=', 2);
    if (name === 'hardware_dom' && value !== undefined) late = Number(value);
    if (name === 'boot-domain') bootDomain = !/^(0|no|off|false|disable)$/.test(value ?? '');
    if (name === 'no-boot-domain') bootDomain = false;
  }
  return bootDomain ? 0 : late;
}

/** The domid of the boot domain itself. */
export function bootDomidOf(xenCommandLine: string): number {
  return hardwareDomidOf(xenCommandLine) === 0 ? BOOT_DOMID : 0;
}

/** Whether domains can use Argo (parse_argo, xen/common/argo.c). */
export function argoOf(xenCommandLine: string): boolean {
  const [, given = ''] = [...xenCommandLine.matchAll(/(?:^|\s)argo=(\S+)/g)].at(-1) ?? [];
  return given.split(',').some((part) => /^(1|yes|on|true|enable)$/.test(part));
}

/** Xen's limits of grant tables: its own defaults (xen/common/grant_table.c), or what its command line says. */
export function grantLimitsOf(xenCommandLine: string): GrantLimits {
  const option = (name: string, fallback: number): number => {
    const given = [...xenCommandLine.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'g'))].at(-1);
    return given === undefined ? fallback : Number(given[1]);
  };
  return {
    grantFrames: option('gnttab_max_frames', 64),
    maptrackFrames: option('gnttab_max_maptrack_frames', 1024),
  };
}
