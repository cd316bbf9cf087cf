import type { DomainInfo } from '../bindings/hypervisor.ts';
import type { DomainEnd, ShutdownReason } from '../bindings/libxl.ts';
import type { EndAction } from '../domains/end-actions.ts';
import { problemOf } from './introduction-error.ts';
import type { BootDomain } from './record.ts';

/** What waiting for the ends of domains asks of dom0. `xen-ends.ts` is the real one. */
export interface Ends {
  /** All existing domains. */
  domains(): DomainInfo[];
  /** Whether the policy in force lets this domain end domains with that label. */
  mayDestroy(seclabel: string): boolean;
  /** Has {@link next} tell of a domain; what is returned undoes that. */
  watch(domid: number): () => void;
  next(): Promise<DomainEnd>;
  /** Destroys a domain, with its devices. */
  destroy(domid: number): Promise<void>;
}

/** How long a domain that is being saved is left alone, in milliseconds, before it is looked at again: it may go on. */
const SAVING = 10_000;

/** What a domain that ended so is said to have done, and which of the manifest's keys says what becomes of it. */
const reasons: Readonly<
  Record<Exclude<ShutdownReason, 'suspend'>, { says: string; key: keyof BootDomain['ends'] }>
> = {
  poweroff: { says: 'has shut down', key: 'poweroff' },
  reboot: { says: 'asks for a reboot, which no boot domain can have', key: 'reboot' },
  soft_reset: { says: 'asks for a soft reset, which no boot domain can have', key: 'reboot' },
  crash: { says: 'has crashed', key: 'crash' },
  watchdog: { says: 'was ended by its watchdog', key: 'crash' },
};

/**
 * Waits for the ends of a boot's domains, and does with each what the manifest says, until none is left.
 * @param say is told what happens, and of what fails
 */
export async function watchEnds(
  domains: readonly BootDomain[],
  ends: Ends,
  say: (text: string) => void,
  saving = SAVING,
): Promise<void> {
  const existing = new Map(ends.domains().map((info) => [info.domid, info]));
  const watched = new Map<number, { domain: BootDomain; info: DomainInfo; stop: () => void }>();
  for (const domain of domains) {
    const info = existing.get(domain.domid);
    // Whose end nobody tells xenstored of; who is gone; who has its domid.
    if (domain.hardware || !domain.xenstore || info?.uuid !== domain.uuid || info.dying) continue;
    watched.set(domain.domid, { domain, info, stop: ends.watch(domain.domid) });
  }
  while (watched.size > 0) {
    const end = await ends.next();
    const entry = watched.get(end.domid);
    if (entry === undefined) continue;
    const { domain, info } = entry;
    const who = `${domain.name} (domain ${domain.domid})`;
    if (end.kind === 'gone') {
      entry.stop();
      watched.delete(end.domid);
      say(`${who} is gone`);
    } else if (end.reason === 'suspend') {
      // libxl tells of one end only: of this domain's next one it is asked anew.
      setTimeout(() => {
        if (watched.get(end.domid) !== entry) return;
        entry.stop();
        entry.stop = ends.watch(end.domid);
      }, saving);
    } else {
      const { says, key } = reasons[end.reason];
      say(`${who} ${says}: ${await done(domain.ends[key], info, ends)}`);
    }
  }
}

/** Does what is to be done with a domain that has stopped, and says what that was. A destroyed one is told of once more, as gone. */
async function done(
  action: EndAction,
  { domid, seclabel }: DomainInfo,
  ends: Ends,
): Promise<string> {
  if (action === 'preserve') return `it stays until "xl destroy ${domid}"`;
  // A refusal comes too late: libxl has taken away the domain's devices by then.
  if (!ends.mayDestroy(seclabel)) return `it stays: the policy lets dom0 destroy no ${seclabel}`;
  try {
    await ends.destroy(domid);
    return 'destroyed';
  } catch (error) {
    const { message, hint } = problemOf(error);
    return `${message}\n  hint: ${hint}`;
  }
}
