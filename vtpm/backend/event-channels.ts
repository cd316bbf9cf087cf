import { type Libxenevtchn, openLibxenevtchn } from '../../bindings/libxenevtchn.ts';

/** Called for each notification; no further one comes through the channel before the promise settles. */
export type Notified = () => Promise<void>;

/** The event channels of this domain to its guests. */
export class EventChannels {
  readonly #library: Libxenevtchn;
  readonly #handle: bigint;
  readonly #notified = new Map<number, Notified>();

  constructor() {
    this.#library = openLibxenevtchn();
    this.#handle = this.#library.xenevtchn_open({ logger: 0n, flags: 0 });
  }

  /**
   * Binds to a channel that `domid` offers, and returns the local port.
   * @throws CallError when it offers this domain no such channel
   */
  bind(domid: number, remotePort: number, notified: Notified): number {
    const port = this.#library.xenevtchn_bind_interdomain({
      ...{ xce: this.#handle, domid, remotePort },
    });
    this.#notified.set(port, notified);
    return port;
  }

  notify(port: number): void {
    if (this.#notified.has(port)) {
      this.#library.xenevtchn_notify({ xce: this.#handle, port });
    }
  }

  unbind(port: number): void {
    if (!this.#notified.delete(port)) return;
    this.#library.xenevtchn_unbind({ xce: this.#handle, port });
  }

  /** Hands out notifications; ends only when the device for event channels fails. */
  async serve(): Promise<never> {
    for (;;) {
      const port = await this.#library.xenevtchn_pending({ xce: this.#handle });
      // A channel is masked from here until its guest was served: one that notifies without end delays only itself.
      void this.#notified
        .get(port)?.()
        .finally(() => this.#unmask(port));
    }
  }

  #unmask(port: number): void {
    if (this.#notified.has(port)) {
      this.#library.xenevtchn_unmask({ xce: this.#handle, port });
    }
  }
}
