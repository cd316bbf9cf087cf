import type { DomainLife } from '../../bindings/xen/inventory.ts';

/** Asks Xen for the domain with this domid; undefined when there is none. */
export type AskXen = (domid: number) => DomainLife | undefined;

/**
 * One domain from now to its end, as Xen tells it: what dom0 writes into xenstore may name a domid that is somebody else's by
 * now. Xen keeps a domid as long as anybody maps a page of its domain, and a device does so from its guest's first connection
 * on (device.ts), so that nobody takes the place of a guest whose TPM has been used. Before that, another UUID or another label
 * shows it; where it counts, nobody but the boot domain can make a domain of that label (platform/policy, guarded_t). That time
 * never runs backwards is no sign to go by: Xen adds up what processors with clocks of their own have counted.
 */
export class Lifetime {
  readonly #domid: number;
  readonly #askXen: AskXen;
  #last: DomainLife;

  private constructor(domid: number, askXen: AskXen, state: DomainLife) {
    this.#domid = domid;
    this.#askXen = askXen;
    this.#last = state;
  }

  /** Undefined when there is no such domain. */
  static of(domid: number, askXen: AskXen): Lifetime | undefined {
    const state = askXen(domid);
    return state === undefined || state.dying ? undefined : new Lifetime(domid, askXen, state);
  }

  /** Whose life it is. */
  get identity(): Pick<DomainLife, 'uuid' | 'sid'> {
    return this.#last;
  }

  /** Asks Xen whether it has ended. An end is for good. */
  hasEnded(): boolean {
    if (this.#last.dying) return true;
    const state = this.#askXen(this.#domid);
    const { uuid, sid } = this.#last;
    const lives = state !== undefined && !state.dying && state.uuid === uuid && state.sid === sid;
    if (!lives) this.#last = { ...this.#last, dying: true };
    return !lives;
  }
}
