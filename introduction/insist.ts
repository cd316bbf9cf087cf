import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlDomain } from './control-domain.ts';
import type { Introduction } from './introduce.ts';
import type { BootRecord } from './record.ts';

export interface Patience {
  /** How long to wait for domains, and how long between two attempts, in milliseconds. */
  limit: number;
  interval: number;
}

/**
 * Introduces pvh and hvm domains again until they use xenstore, and returns those that did not within the time. The event
 * that tells Linux of its introduction (6.1, drivers/xen/xenbus/xenbus_probe.c: xenbus_late_init) is lost when it comes before
 * the thread that it wakes waits for it, as it does in the middle of the kernel's start; the domain would be without
 * xenstore for good. Domains that are paused find xenstore when they start.
 */
export async function insist(
  { domains }: BootRecord,
  introductions: readonly Introduction[],
  control: ControlDomain,
  { limit, interval }: Patience = { limit: 60_000, interval: 2000 },
): Promise<ReadonlySet<number>> {
  const served = new Set(
    introductions.flatMap(({ domid, outcome }) => (/introduced$/.test(outcome) ? [domid] : [])),
  );
  const told = domains.flatMap((domain) => {
    const { domid, type, xenstore } = domain;
    return type !== 'pv' && xenstore && served.has(domid) ? [{ domain, ring: xenstore }] : [];
  });
  const silent = () => {
    const running = new Set(
      control.domains().flatMap(({ domid, uuid, paused, dying, shutdown }) => {
        return paused || dying || shutdown ? [] : [`${domid} ${uuid}`];
      }),
    );
    return told.filter(
      ({ domain: { domid, uuid } }) =>
        running.has(`${domid} ${uuid}`) && !control.usesXenstore(domid),
    );
  };
  const end = performance.now() + limit;
  let left = silent();
  while (left.length > 0 && performance.now() < end) {
    await sleep(interval);
    left = silent();
    for (const { domain, ring } of left) control.introduce(domain, ring);
  }
  return new Set(left.map(({ domain }) => domain.domid));
}
