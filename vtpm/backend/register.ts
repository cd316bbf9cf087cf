import type { RecordedGuest } from '../../domains/vtpm-guests.ts';
import { type AskXen, Lifetime } from './lifetime.ts';

/** Who gets a TPM: a domain that lives, and the guest that domB recorded, if it is one. */
export interface Admitted {
  lifetime: Lifetime;
  recorded: RecordedGuest | undefined;
}

interface Entry {
  guest: RecordedGuest;
  /** From when it was first seen. */
  lifetime: Lifetime | undefined;
}

/**
 * The guests that domB recorded, each of which has its TPM once, from its first sight to its death. Whoever else has the UUID of one,
 * before or afterwards, was given it by dom0 and gets nothing: neither what the guest has left, nor a TPM in its name.
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
    if (entry === undefined) return { lifetime, recorded: undefined };
    const { guest } = entry;
    const impostor = `domain ${domid} has the UUID of ${guest.name} and is not the one that domB made`;
    if (domid !== guest.domid || !isGuest(guest, lifetime)) return impostor;
    if (entry.lifetime?.hasEnded()) return `${impostor}, which has ended`;
    entry.lifetime ??= lifetime;
    return { lifetime: entry.lifetime, recorded: guest };
  }
}

const isGuest = ({ uuid, sid }: RecordedGuest, { identity }: Lifetime): boolean =>
  identity.uuid === uuid && identity.sid === sid;
