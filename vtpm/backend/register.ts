import type { RecordedGuest } from '../../domains/vtpm-guests.ts';
import { type AskXen, Lifetime } from './lifetime.ts';

/** Who gets a TPM: a domain that lives, and the guest that domB recorded, if it is one. */
export interface Admitted {
  lifetime: Lifetime;
  recorded: RecordedGuest | undefined;
  /** It is not the domain that domB made, but the one that dom0 started for the same guest after its end. */
  restarted: boolean;
}

interface Entry {
  guest: RecordedGuest;
  /** From when it was first seen. */
  lifetime: Lifetime | undefined;
  /** The domid of who came after it. */
  follower?: number;
}

/**
 * The guests that domB recorded, each of which has its TPM once, from its first sight to its death. Whoever else has the UUID of one,
 * before or afterwards, was given it by dom0 and gets nothing: neither what the guest has left, nor a TPM in its name. Only a guest
 * whose TPM outlasts the boot may be started anew, under the label that it had: of a label that dom0 cannot give, nobody comes after it.
 */
export class GuestRegister {
  /** By UUID. */
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #askXen: AskXen;

  constructor(guests: readonly RecordedGuest[], askXen: AskXen) {
    this.#entries = new Map(
      guests.map((guest) => [guest.uuid, { guest, lifetime: undefined } as Entry]),
    );
    this.#askXen = askXen;
  }

  /** Looks at all recorded guests, so that the end of one is noticed of which xenstore says nothing. */
  look(): void {
    for (const entry of this.#entries.values()) {
      entry.lifetime?.hasEnded();
      if (entry.lifetime !== undefined) continue;
      const lifetime = Lifetime.of(entry.guest.domid, this.#askXen);
      if (lifetime !== undefined && isGuest(entry.guest, lifetime)) entry.lifetime = lifetime;
    }
  }

  /** @returns the domain that Xen has under this domid, or why it gets no TPM */
  admit(domid: number): Admitted | string {
    const lifetime = Lifetime.of(domid, this.#askXen);
    if (lifetime === undefined) return `there is no domain ${domid}`;
    const entry = this.#entries.get(lifetime.identity.uuid);
    if (entry === undefined) return { lifetime, recorded: undefined, restarted: false };
    const { guest } = entry;
    if (this.#follows(entry, domid, lifetime))
      return { lifetime, recorded: guest, restarted: true };
    const impostor = `domain ${domid} has the UUID of ${guest.name} and is not the one that domB made`;
    if (domid !== guest.domid || !isGuest(guest, lifetime)) return impostor;
    if (entry.lifetime?.hasEnded()) return `${impostor}, which has ended`;
    entry.lifetime ??= lifetime;
    return { lifetime: entry.lifetime, recorded: guest, restarted: false };
  }

  /** Whether it is the next domain of a guest whose TPM outlasts it: from then on it is the one that there is. */
  #follows(entry: Entry, domid: number, lifetime: Lifetime): boolean {
    const { guest } = entry;
    if (entry.follower === domid && entry.lifetime?.hasEnded() === false) return true;
    const may = guest.persistent && entry.lifetime?.hasEnded() === true;
    if (!may || !isGuest(guest, lifetime)) return false;
    entry.lifetime = lifetime;
    entry.follower = domid;
    return true;
  }
}

const isGuest = ({ uuid, sid }: RecordedGuest, { identity }: Lifetime): boolean =>
  identity.uuid === uuid && identity.sid === sid;
