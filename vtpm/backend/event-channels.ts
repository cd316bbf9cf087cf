import { type Libxenevtchn, openLibxenevtchn } from '../../bindings/libxenevtchn.ts';

/** Called for each notification; no further one comes through the channel before the promise settles. */
export type Notified = () => Promise<void>;

/**
 * One binding to a guest's channel. Xen gives a port that was let go of to whoever binds next, so the number of a port does
 * not say whose it is: this object does.
 */
export interface Channel {
  readonly port: number;
}

interface Binding extends Channel {
  readonly notified: Notified;
}

/** The event channels of this domain to its guests. */
export class EventChannels {
  readonly #library: Libxenevtchn;
  readonly #handle: bigint;
  readonly #bindings = new Map<number, Binding>();

  constructor(library: Libxenevtchn = openLibxenevtchn()) {
    this.#library = library;
    this.#handle = this.#library.xenevtchn_open({ logger: 0n, flags: 0 });
  }

  /**
   * Binds to a channel that `domid` offers.
   * @throws CallError when it offers this domain no such channel
   */
  bind(domid: number, remotePort: number, notified: Notified): Channel {
    const port = this.#library.xenevtchn_bind_interdomain({
      ...{ xce: this.#handle, domid, remotePort },
    });
    const binding = { port, notified };
    this.#bindings.set(port, binding);
    return binding;
  }

  notify(channel: Channel): void {
    if (this.#isBound(channel)) {
      this.#library.xenevtchn_notify({ xce: this.#handle, port: channel.port });
    }
  }

  unbind(channel: Channel): void {
    if (!this.#isBound(channel)) return;
    this.#bindings.delete(channel.port);
    this.#library.xenevtchn_unbind({ xce: this.#handle, port: channel.port });
  }

  /** Hands out notifications; ends only when the device for event channels fails. */
  async serve(): Promise<never> {
    for (;;) {
      const port = await this.#library.xenevtchn_pending({ xce: this.#handle });
      const binding = this.#bindings.get(port);
      // A channel is masked from here until its guest was served: one that notifies without end delays only itself.
      void binding?.notified().finally(() => this.#unmask(binding));
    }
  }

  /** The next one who has the port is served at its own pace, and not let in again by the end of its predecessor's command. */
  #unmask(binding: Binding): void {
    if (this.#isBound(binding)) {
      this.#library.xenevtchn_unmask({ xce: this.#handle, port: binding.port });
    }
  }

  #isBound(channel: Channel): boolean {
    return this.#bindings.get(channel.port) === channel;
  }
}
