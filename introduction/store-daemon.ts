import { IntroductionError } from './introduction-error.ts';

/**
 * The programs that serve xenstore. Both make themselves known in it (tools/xenstore/xenstored_core.c, tools/ocaml/xenstored/xenstored.ml).
 * - `xenstored`, in C, maps the page that a domain grants it, and empties the ring of a domain that is introduced;
 * - `oxenstored`, Debian's default, maps the page as foreign memory, by a right over the domain with which one could map all of it, and leaves the ring
 *   as it is.
 */
export type StoreDaemon = 'xenstored' | 'oxenstored';

/** Where oxenstored writes the name of its program; xenstored has the node, too, and leaves it empty. */
export const storeDaemonPath = '/tool/xenstored';

export const storeDaemonOf = (program: string | undefined): StoreDaemon =>
  /(^|\/)oxenstored$/.test(program ?? '') ? 'oxenstored' : 'xenstored';

/** @throws IntroductionError for a domain that no daemon of this kind can serve under the policy */
export function unservable(name: string, seclabel: string): IntroductionError {
  return new IntroductionError(
    `${name} gets no xenstore, and waits for it if it needs it to boot: oxenstored, which runs here, would have to map its memory, and the policy lets ` +
      `dom0 map no memory of ${seclabel}`,
    'set XENSTORED=/usr/sbin/xenstored in /etc/default/xen and boot anew: xenstored uses what the domain grants it (docs/dom0.md)',
  );
}
