/** The ranges of domids; domids.md has the reasons. */

/** The boot domain's own id under a Xen with the boot-domain option: the last below Xen's own range. */
export const BOOT_DOMID = 0x7fef;
/** DOMID_FIRST_RESERVED in xen/include/public/xen.h: from here on the numbers mean something else. */
export const FIRST_XEN_DOMID = 0x7ff0;
/** Service domains of the platform have this id or a higher one, up to {@link BOOT_DOMID}. */
export const FIRST_SERVICE_DOMID = 0x7f00;

/** Service domids are shown as conventions and consoles write them: in hexadecimal too. */
export function showDomid(domid: number): string {
  if (domid < FIRST_SERVICE_DOMID) return String(domid);
  return `${domid} (0x${domid.toString(16).toUpperCase()})`;
}
