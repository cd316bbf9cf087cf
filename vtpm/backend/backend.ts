import { Device, decimal, type Rings } from './device.ts';
import type { GuestTpm } from './software-tpm.ts';
import type { Store } from './store.ts';

export interface BackendOptions {
  store: Store;
  rings: Rings;
  /** Starts a fresh TPM for a guest's device. */
  startTpm: (domid: number, device: string, died: (how: string) => void) => Promise<GuestTpm>;
  say: (text: string) => void;
}

interface Served {
  device: Device;
  /** Undefined when it did not start. */
  tpm: Promise<GuestTpm | undefined>;
  frontend: string;
  uuid: string | undefined;
}

/** Where dom0 puts our devices, in our own directory of xenstore. */
const HOME = 'backend/vtpm';

/**
 * How long a closed device's directory stays, in milliseconds: libxl wants to see it closed first, and then, within ten
 * seconds, gone.
 */
const LINGER = 1000;

/** Serves all vTPM devices that xenstore names for this domain. */
export class Backend {
  readonly #options: BackendOptions;
  /** By `domid/device`. */
  readonly #served = new Map<string, Served>();

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Follows xenstore; ends only when that fails. */
  async serve(): Promise<never> {
    const { store } = this.#options;
    store.watch(HOME, HOME);
    for (;;) {
      const { path, token } = await store.nextChange();
      await this.handle(path, token);
    }
  }

  /** Does what a change asks for: at `path`, seen by the watch with this token. */
  async handle(path: string, token: string): Promise<void> {
    // The token of a watch on a guest's directory names its device; one on ours tells the device by the path.
    const at = token === HOME ? path.slice(HOME.length + 1) : token;
    const [domid, device] = at.split('/');
    if (domid !== undefined && device !== undefined) return this.#attend(`${domid}/${device}`);
    for (const key of this.#devices()) await this.#attend(key);
  }

  /** All devices that there are, and all that there were. */
  #devices(): Set<string> {
    const { store } = this.#options;
    const named = store
      .list(HOME)
      .flatMap((domid) => store.list(`${HOME}/${domid}`).map((device) => `${domid}/${device}`));
    return new Set([...named, ...this.#served.keys()]);
  }

  async #attend(key: string): Promise<void> {
    const { store, say } = this.#options;
    const backend = `${HOME}/${key}`;
    const frontend = store.read(`${backend}/frontend`);
    const uuid = store.read(`${backend}/uuid`);
    const before = this.#served.get(key);
    if (frontend !== undefined && store.read(`${backend}/online`) === '0') {
      if (before === undefined) return;
      before.device.close();
      // The toolstack waits to see it closed, and leaves the directory to us.
      setTimeout(() => store.remove(backend), LINGER).unref();
      return this.#drop(key, before);
    }
    if (before !== undefined && (frontend !== before.frontend || uuid !== before.uuid)) {
      await this.#drop(key, before);
    }
    if (frontend === undefined) return;
    try {
      const served = this.#served.get(key) ?? this.#take(key, frontend, uuid);
      served?.device.follow();
    } catch (error) {
      say(`${backend}: ${(error as Error).message}`);
    }
  }

  #take(key: string, frontend: string, uuid: string | undefined): Served | undefined {
    const { store, rings, startTpm, say } = this.#options;
    const [at = '', number = ''] = key.split('/');
    const domid = decimal(at);
    if (domid === undefined || decimal(number) === undefined) return undefined;
    const backend = `${HOME}/${key}`;
    const device = new Device({ domid, backend, frontend, store, rings, say });
    const died = (how: string) => say(`the TPM of domain ${domid} is gone: ${how}`);
    const tpm = startTpm(domid, number, died).then(
      (started) => {
        device.powerOn(started);
        return started;
      },
      (error: Error) => {
        // The device stays offered, and nobody can connect to it.
        say(`${backend}: ${error.message}`);
        return undefined;
      },
    );
    const served = { device, tpm, frontend, uuid };
    this.#served.set(key, served);
    store.watch(`${frontend}/state`, key);
    return served;
  }

  async #drop(key: string, { device, tpm, frontend }: Served): Promise<void> {
    const { store, say } = this.#options;
    this.#served.delete(key);
    device.end();
    store.unwatch(`${frontend}/state`, key);
    await (await tpm)?.stop();
    say(`forgets the TPM of domain ${key.split('/')[0]}`);
  }
}
