import type { Notified } from './event-channels.ts';
import { giveResponse, giveUp, type SharedPage, takeRequest } from './ring.ts';
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
  /** Maps a page that `domid` has granted; fails when it has not. */
  map(domid: number, reference: number): SharedPage & { unmap(): void };
  /** Binds to an event channel that `domid` offers; fails when it does not. */
  bind(domid: number, remotePort: number, notified: Notified): number;
  notify(port: number): void;
  unbind(port: number): void;
}

export interface DeviceOptions {
  /** The guest's domid. */
  domid: number;
  /** Our directory for the device in xenstore, and the guest's. */
  backend: string;
  frontend: string;
  store: Store;
  rings: Rings;
  say: (text: string) => void;
}

interface Connection {
  page: ReturnType<Rings['map']>;
  port: number;
}

/**
 * One guest's vTPM device: follows the guest's state in xenstore, and passes commands from its page to its TPM. The TPM
 * outlives connections: a guest that connects anew meets it as it left it.
 */
export class Device {
  readonly #options: DeviceOptions;
  #connection: Connection | undefined;
  #announced: number | undefined;
  #tpm: GuestTpm | undefined;
  /** A command runs. */
  #busy = false;
  #ended = false;

  /** Offers the device to the guest: a toolstack waits for that, and not for long. */
  constructor(options: DeviceOptions) {
    this.#options = options;
    options.store.write(`${options.backend}/feature-protocol-v2`, '1');
    this.#announce(XenbusState.initWait);
  }

  /** From now on guests can connect. */
  powerOn(tpm: GuestTpm): void {
    this.#tpm = tpm;
    this.follow();
  }

  /** Does what the guest's state asks for. To be called whenever the state may have changed. */
  follow(): void {
    if (this.#ended) return;
    const { store, frontend } = this.#options;
    const state = decimal(store.read(`${frontend}/state`));
    if (state === XenbusState.initialised || state === XenbusState.connected) {
      const tpm = this.#tpm;
      // A TPM runs one command at a time, also when the guest did not wait for the last one.
      if (this.#connection === undefined && tpm !== undefined && !this.#busy) this.#connect(tpm);
      return;
    }
    this.#disconnect();
    const ending = state === XenbusState.closing || state === XenbusState.closed;
    this.#announce(ending ? state : XenbusState.initWait);
  }

  /** Tells that the device is taken away. */
  close(): void {
    this.end();
    this.#announce(XenbusState.closed);
  }

  /** Lets go of the guest for good. */
  end(): void {
    this.#ended = true;
    this.#disconnect();
  }

  /** Lets go of everything that the guest shares. */
  #disconnect(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#options.rings.unbind(connection.port);
    connection.page.unmap();
  }

  #connect(tpm: GuestTpm): void {
    const { frontend, domid, say } = this.#options;
    try {
      this.#connection = this.#open(tpm);
    } catch (error) {
      say(`${frontend}: ${(error as Error).message}`);
      this.#announce(XenbusState.closed);
      return;
    }
    this.#announce(XenbusState.connected);
    say(`serves a TPM 2.0 to domain ${domid}`);
  }

  #open(tpm: GuestTpm): Connection {
    const { store, frontend, rings, domid, say } = this.#options;
    const reference = decimal(store.read(`${frontend}/ring-ref`));
    const remotePort = decimal(store.read(`${frontend}/event-channel`));
    if (store.read(`${frontend}/feature-protocol-v2`) !== '1') {
      throw new Error('it does not speak version 2 of the protocol');
    }
    if (reference === undefined || remotePort === undefined) {
      throw new Error('it names no ring-ref or no event-channel');
    }
    const page = rings.map(domid, reference);
    try {
      // What fails for one guest must not end the service of the others.
      const notified = () =>
        this.#notified(tpm).catch((error: Error) => say(`domain ${domid}: ${error.message}`));
      return { page, port: rings.bind(domid, remotePort, notified) };
    } catch (error) {
      page.unmap();
      throw error;
    }
  }

  async #notified(tpm: GuestTpm): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { rings, say, domid } = this.#options;
    const { page, port } = connection;
    const request = takeRequest(page);
    if (request.kind === 'none') return;
    if (request.kind === 'cancelled') giveUp(page);
    if (request.kind === 'refused') {
      say(`domain ${domid} submitted ${request.reason}`);
      giveResponse(page, request.response);
    }
    if (request.kind === 'command') {
      const response = await this.#run(tpm, request.command);
      // The guest may have let go of the page in the meantime.
      if (this.#connection !== connection) return;
      giveResponse(page, response);
    }
    rings.notify(port);
  }

  async #run(tpm: GuestTpm, command: Buffer): Promise<Buffer> {
    this.#busy = true;
    try {
      return await tpm.transmit(command);
    } finally {
      this.#busy = false;
      // A guest that came back while its last command ran was kept waiting.
      if (this.#connection === undefined) this.follow();
    }
  }

  #announce(state: number): void {
    if (this.#announced === state) return;
    this.#announced = state;
    this.#options.store.write(`${this.#options.backend}/state`, String(state));
  }
}

/** A decimal number of 32 bits; undefined for anything else. */
export function decimal(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : undefined;
}
