import type { XenSession } from './session.ts';

/** What the policy in force lets a domain do to another one of these labels, as bits of permissions of a class (XenRelease.flask). */
export function allowedBy(
  { xc, xch }: Pick<XenSession, 'xc' | 'xch'>,
  { source, target, class: number }: { source: string; target: string; class: number },
): number {
  const allowed = Buffer.alloc(4);
  xc.xc_flask_access({
    ...{ xch, source, target, class: number, req: 0, allowed },
    ...{ decided: null, auditallow: null, auditdeny: null, seqno: null },
  });
  return allowed.readUInt32LE();
}
