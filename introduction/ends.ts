import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainInfo } from '../bindings/hypervisor.ts';
import type { ShutdownReason } from '../bindings/libxl.ts';
import type { Ends } from './domain-ends.ts';
import { problemOf } from './introduction-error.ts';
import { type Rebuilding, rebuilt } from './rebuilding.ts';
import type { BootDomain } from './record.ts';

/** Times in milliseconds, and a number. */
export interface Pace {
  /** How long a domain that is being saved is left alone before it is looked at again: it may go on. */
  saving: number;
  /** How long a domain is gone at least before it is built again, as with xl. */
  between: number;
  /** Who ends sooner after it was built again ends fast. */
  fast: number;
  /** After so many fast ends in a row it is not built again. */
  most: number;
}

const usualPace: Pace = { saving: 10_000, between: 2_000, fast: 10_000, most: 5 };

/** What a domain that ended so is said to have done, and which of the manifest's keys says what becomes of it. */
const reasons: Readonly<
  Record<Exclude<ShutdownReason, 'suspend'>, { says: string; key: keyof BootDomain['ends'] }>
> = {
  poweroff: { says: 'has shut down', key: 'poweroff' },
  reboot: { says: 'asks for a reboot', key: 'reboot' },
  soft_reset: { says: 'asks for a soft reset', key: 'reboot' },
  crash: { says: 'has crashed', key: 'crash' },
  watchdog: { says: 'was ended by its watchdog', key: 'crash' },
};

/** An instance of a domain whose end is waited for. */
interface Watched {
  domain: BootDomain;
  info: DomainInfo;
  stop: () => void;
  /** When this instance was built again, as performance.now() says it; undefined for that of the boot. */
  since?: number;
  /** Fast ends in a row before it. */
  fastEnds: number;
  /** It is to be built again when it is gone. */
  again: boolean;
}

/**
 * Waits for the ends of a boot's domains, and does with each what the manifest says, until none is left.
 * @param say is told what happens, and of what fails
 */
export async function watchEnds(
  domains: readonly BootDomain[],
  { ends, rebuilding }: { ends: Ends; rebuilding: Rebuilding },
  say: (text: string) => void,
  pace = usualPace,
): Promise<void> {
  const existing = new Map(ends.domains().map((info) => [info.domid, info]));
  const watched = new Map<number, Watched>();
  for (const domain of domains) {
    const { domid } = domain;
    const info = existing.get(domid);
    const uuid = rebuilding.restarts.get(domid)?.uuid ?? domain.uuid;
    // Whose end nobody tells xenstored of; who is gone; who has its domid.
    if (domain.hardware || !domain.xenstore || info?.uuid !== uuid || info.dying) continue;
    watched.set(domid, { domain, info, stop: ends.watch(domid), fastEnds: 0, again: false });
  }
  while (watched.size > 0) {
    const end = await ends.next();
    const entry = watched.get(end.domid);
    if (entry === undefined) continue;
    const { domain } = entry;
    const { domid } = domain;
    const who = `${domain.name} (domain ${domid})`;
    if (end.kind === 'gone') {
      entry.stop();
      watched.delete(domid);
      say(`${who} is gone`);
      if (!entry.again) continue;
      await sleep(pace.between);
      const { said, info } = await rebuilt(domain, ends, rebuilding);
      say(`${who} ${said}`);
      if (info === undefined) continue;
      const { fastEnds } = entry;
      const stop = ends.watch(domid);
      watched.set(domid, {
        ...{ domain, info, stop, fastEnds },
        ...{ since: performance.now(), again: false },
      });
    } else if (end.reason === 'suspend') {
      // libxl tells of one end only: of this domain's next one it is asked anew.
      setTimeout(() => {
        if (watched.get(domid) !== entry) return;
        entry.stop();
        entry.stop = ends.watch(domid);
      }, pace.saving);
    } else {
      const { says, key } = reasons[end.reason];
      say(`${who} ${says}${without(domain, key)}: ${await done(entry, key, ends, pace)}`);
    }
  }
}

/** Why a reboot is none. */
const without = ({ ends }: BootDomain, key: keyof BootDomain['ends']): string =>
  key === 'reboot' && ends.reboot !== 'restart'
    ? ', which it has not without "on_reboot: restart"'
    : '';

/** Does what is to be done with a domain that has stopped, and says what that was. A destroyed one is told of once more, as gone. */
async function done(
  entry: Watched,
  key: keyof BootDomain['ends'],
  ends: Ends,
  { fast, most }: Pace,
): Promise<string> {
  const { domain, info, since } = entry;
  const { domid, seclabel } = info;
  const action = domain.ends[key];
  if (action === 'preserve') return `it stays until "xl destroy ${domid}"`;
  // A refusal comes too late: libxl has taken away the domain's devices by then.
  if (!ends.mayDestroy(seclabel)) return `it stays: the policy lets dom0 destroy no ${seclabel}`;
  const isFast = since !== undefined && performance.now() - since < fast;
  entry.fastEnds = isFast ? entry.fastEnds + 1 : 0;
  const given = entry.fastEnds >= most;
  try {
    await ends.destroy(domid);
  } catch (error) {
    const { message, hint } = problemOf(error);
    return `${message}\n  hint: ${hint}`;
  }
  entry.again = action === 'restart' && !given;
  if (action !== 'restart') return 'destroyed';
  return given
    ? `destroyed, and not built again: ${most} times in a row it ended within ${fast / 1000} s of its start`
    : 'destroyed, to be built again';
}
