import { Attention, type Limits } from './attention.ts';
import type { Passage, PassageEvents, PassedRing } from './passage.ts';
import type { GuestTpm } from './software-tpm.ts';
import type { Store } from './store.ts';

/** enum xenbus_state, xen/io/xenbus.h. */
export const XenbusState = {
  initialising: 1,
  initWait: 2,
  initialised: 3,
  connected: 4,
  closing: 5,
  closed: 6,
} as const;

/** Access to what guests share. */
export interface Rings {
  /** Maps a page that `domid` has granted, so that the domid stays its own; fails when it has not. */
  map(domid: number, reference: number): { unmap(): void };
  /** Starts to pass commands from the page to the TPM. What is told of it is told later. */
  pass(ring: PassedRing, events: PassageEvents): Passage;
}

export interface DeviceOptions {
  /** The guest's domid. */
  domid: number;
  /** Our directory for the device in xenstore, and the guest's. */
  backend: string;
  frontend: string;
  store: Store;
  rings: Rings;
  /** Whether the domain is still the guest: somebody else may have its domid by now. */
  isGuest: () => boolean;
  say: (text: string) => void;
  /** Milliseconds, of a clock that does not go back. */
  now: () => number;
}

/** What is said of one guest: it must not drown what is said of others. Linux, too, drops messages that are too many. */
const MESSAGES: Limits = { changes: 10, window: 60_000 };

interface Connection {
  page: ReturnType<Rings['map']>;
  /** Undefined until it has started. */
  passage: Passage | undefined;
  /** Commands pass. */
  serving: boolean;
}

/**
 * One guest's vTPM device: follows the guest's state in xenstore, and has commands passed from its page to its TPM. The TPM
 * outlives connections: a guest that connects anew meets it as it left it.
 */
export class Device {
  readonly #options: DeviceOptions;
  #connection: Connection | undefined;
  /** The page of the last connection: as long as it is mapped, Xen gives the guest's domid to nobody else. */
  #held: Connection['page'] | undefined;
  /** The toolstack has taken the device away. */
  #withdrawn = false;
  #tpm: GuestTpm | undefined;
  /** A passage was told to end and is not gone yet. */
  #leaving = false;
  /** The guest has to begin anew: a page that is served again as it is could have a command in it that was done already. */
  #turnedAway = false;
  #ended = false;
  readonly #messages = new Attention(MESSAGES);

  /** Offers the device to the guest: a toolstack waits for that, and not for long. */
  constructor(options: DeviceOptions) {
    this.#options = options;
    this.#announce(XenbusState.initWait);
  }

  /** From now on guests can connect. */
  powerOn(tpm: GuestTpm): void {
    this.#tpm = tpm;
    this.follow();
  }

  /** The device is there, or there again: what is written about it in xenstore counts. */
  offer(): void {
    this.#withdrawn = false;
    this.follow();
  }

  /** Does what the guest's state asks for. To be called whenever the state may have changed. */
  follow(): void {
    if (this.#ended || this.#withdrawn) return;
    const { store, frontend } = this.#options;
    const state = store.read(`${frontend}/state`);
    // Page and channel need no xenstore: dom0 takes entries away, and the TPM goes on.
    const goesOn = state === undefined && this.#connection !== undefined;
    const connects = [XenbusState.initialised, XenbusState.connected].some(
      (each) => each === decimal(state),
    );
    if (goesOn || connects) this.#stayConnected();
    else this.#leave(decimal(state));
  }

  #stayConnected(): void {
    const tpm = this.#tpm;
    if (this.#connection?.serving) this.#announce(XenbusState.connected);
    // A guest may offer the same page and channel again, which the passage before has until it is gone.
    const free = this.#connection === undefined && !this.#leaving && !this.#turnedAway;
    if (tpm !== undefined && free) this.#connect(tpm);
  }

  /** @param state the guest's, other than connected */
  #leave(state: number | undefined): void {
    this.#turnedAway = false;
    this.#disconnect();
    const ending = state === XenbusState.closing || state === XenbusState.closed;
    this.#announce(ending ? state : XenbusState.initWait);
  }

  /** Tells that the device is taken away; until it is offered again, nobody connects to it. */
  withdraw(): void {
    this.#withdrawn = true;
    this.#disconnect();
    this.#announce(XenbusState.closed);
  }

  /** Tells that the device is taken away for good. */
  close(): void {
    this.end();
    this.#announce(XenbusState.closed);
  }

  /** Lets go of the guest for good. */
  end(): void {
    this.#ended = true;
    this.#disconnect();
    this.#hold(undefined);
  }

  /** Lets go of what the guest shares, but for the page that keeps its domid. */
  #disconnect(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#leaving = true;
    connection.passage?.stop();
    // Commands may have passed, although nobody was told yet.
    this.#hold(connection.page);
  }

  #hold(page: Connection['page'] | undefined): void {
    const before = this.#held;
    this.#held = page;
    before?.unmap();
  }

  #connect(tpm: GuestTpm): void {
    try {
      this.#open(tpm);
    } catch (error) {
      this.#turnAway((error as Error).message);
    }
  }

  #open(tpm: GuestTpm): void {
    const { store, frontend, rings, domid, isGuest } = this.#options;
    const reference = decimal(store.read(`${frontend}/ring-ref`));
    const remotePort = decimal(store.read(`${frontend}/event-channel`));
    if (store.read(`${frontend}/feature-protocol-v2`) !== '1') {
      throw new Error('it does not speak version 2 of the protocol');
    }
    if (reference === undefined || remotePort === undefined) {
      throw new Error('it names no ring-ref or no event-channel');
    }
    const page = rings.map(domid, reference);
    const connection: Connection = { page, passage: undefined, serving: false };
    try {
      // Asked when the page keeps the domid, and not before: whose it is no longer changes.
      if (!isGuest()) throw new Error(`domain ${domid} is no longer the one that the TPM is for`);
      const { socket, uid } = tpm;
      const ring = { domid, reference, remotePort, socket, uid };
      connection.passage = rings.pass(ring, {
        serving: () => this.#serves(connection),
        said: (text) => this.#say(text),
        ended: (why) => this.#passageEnded(connection, why),
      });
    } catch (error) {
      page.unmap();
      throw error;
    }
    this.#connection = connection;
  }

  #serves(connection: Connection): void {
    if (this.#connection !== connection || connection.serving) return;
    connection.serving = true;
    // The new page keeps the domid now.
    this.#hold(undefined);
    this.#announce(XenbusState.connected);
    this.#say(`serves a TPM 2.0 to domain ${this.#options.domid}`);
  }

  #passageEnded(connection: Connection, why: string): void {
    if (this.#connection !== connection) {
      this.#leaving = false;
      // A guest that came back in the meantime was kept waiting.
      if (this.#connection === undefined) this.follow();
      return;
    }
    this.#connection = undefined;
    if (connection.serving) this.#hold(connection.page);
    else connection.page.unmap();
    this.#turnAway(why);
  }

  /** Until it begins anew. */
  #turnAway(why: string): void {
    this.#turnedAway = true;
    this.#say(`${this.#options.frontend}: ${why}`);
    this.#announce(XenbusState.closed);
  }

  #say(text: string): void {
    const { say, now } = this.#options;
    if (this.#messages.take(1, now())) say(text);
  }

  /** Says how far we are, where dom0 has a device of ours; it may have written it anew. */
  #announce(state: number): void {
    const { store, backend } = this.#options;
    if (store.read(`${backend}/frontend`) === undefined) return;
    const entries = { 'feature-protocol-v2': '1', state: String(state) };
    for (const [name, value] of Object.entries(entries)) {
      if (store.read(`${backend}/${name}`) !== value) store.write(`${backend}/${name}`, value);
    }
  }
}

/** A decimal number of 32 bits; undefined for anything else. */
export function decimal(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : undefined;
}
