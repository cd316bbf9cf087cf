import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlDomain } from './control-domain.ts';
import type { Introduction } from './introduce.ts';
import { type IntroductionProblem, problemOf } from './introduction-error.ts';
import type { BootDomain, BootRecord } from './record.ts';

export interface Patience {
  /** How long to wait for domains, and how long between two attempts, in milliseconds. */
  limit: number;
  interval: number;
}

/** What became of the domains that were told again. */
export interface Insistence {
  /** Those that do not use xenstore yet. */
  silent: ReadonlySet<number>;
  /** Those that could not be looked at or told, and why. */
  problems: ReadonlyMap<number, IntroductionProblem>;
}

/**
 * Introduces pvh and hvm domains that start without xenstore again until they use it, and returns those that did not within the
 * time. The event that tells Linux of its introduction (6.1, drivers/xen/xenbus/xenbus_probe.c: xenbus_late_init) is lost when it comes before
 * the thread that it wakes waits for it, as it does in the middle of the kernel's start; the domain would be without
 * xenstore for good. Domains that are paused find xenstore when they start.
 *
 * A guest can keep dom0 from its ring, by taking the grant of it back for example: that is its own loss, and nobody else's.
 */
export async function insist(
  { domains }: BootRecord,
  introductions: readonly Introduction[],
  control: ControlDomain,
  { limit, interval }: Patience = { limit: 60_000, interval: 2000 },
): Promise<Insistence> {
  const served = new Set(
    introductions.flatMap(({ domid, outcome }) => (/introduced$/.test(outcome) ? [domid] : [])),
  );
  const told = domains.flatMap((domain) => {
    const { domid, type, xenstore } = domain;
    return type !== 'pv' && xenstore && !xenstore.told && served.has(domid)
      ? [{ domain, ring: xenstore }]
      : [];
  });
  const problems = new Map<number, IntroductionProblem>();
  const attempt = ({ domid }: BootDomain, action: () => boolean): boolean => {
    if (problems.has(domid)) return false;
    try {
      return action();
    } catch (error) {
      problems.set(domid, problemOf(error));
      return false;
    }
  };
  const silent = () => {
    const running = new Set(
      control.domains().flatMap(({ domid, uuid, paused, dying, shutdown }) => {
        return paused || dying || shutdown ? [] : [`${domid} ${uuid}`];
      }),
    );
    return told.filter(
      ({ domain }) =>
        running.has(`${domain.domid} ${domain.uuid}`) &&
        attempt(domain, () => !control.usesXenstore(domain.domid)),
    );
  };
  const end = performance.now() + limit;
  let left = silent();
  while (left.length > 0 && performance.now() < end) {
    await sleep(interval);
    for (const { domain, ring } of silent()) {
      attempt(domain, () => {
        control.introduce(domain, ring);
        return true;
      });
    }
    left = silent();
  }
  return { silent: new Set(left.map(({ domain }) => domain.domid)), problems };
}
