import type { RecordedGuest } from '../../domains/vtpm-guests.ts';
import { Attention, LIMITS } from './attention.ts';
import { Device, decimal, type Rings, XenbusState } from './device.ts';
import type { Admitted, GuestRegister } from './register.ts';
import type { GuestTpm } from './software-tpm.ts';
import type { Change, Store } from './store.ts';

export interface BackendOptions {
  store: Store;
  rings: Rings;
  /** Starts a fresh TPM for a guest's device. */
  startTpm: (device: NewDevice) => Promise<GuestTpm>;
  register: GuestRegister;
  say: (text: string) => void;
  /** Milliseconds, of a clock that does not go back. */
  now: () => number;
}

/** What is known of a device that gets a TPM. */
export interface NewDevice {
  domid: number;
  number: string;
  /** The guest, where domB made it. */
  recorded: RecordedGuest | undefined;
  /** As Xen has it. */
  uuid: string;
  /** It is the guest again that domB made, as dom0 started it anew. */
  restarted: boolean;
  /** To be told of the end of the TPM. */
  died: (how: string) => void;
}

/** The guest's TPM ends with its lifetime. */
interface Served extends Admitted {
  device: Device;
  /** Undefined when it did not start. */
  tpm: Promise<GuestTpm | undefined>;
  frontend: string;
  uuid: string | undefined;
  attention: Attention;
  /** It changed too often, and is let alone. */
  ignored: boolean;
}

/** Where dom0 puts our devices, in our own directory of xenstore. */
const HOME = 'backend/vtpm';
/** The device that domB gives a guest: its only one. */
const OWN_DEVICE = '0';

/**
 * How long a closed device's directory stays, in milliseconds: libxl wants to see it closed first, and then, within ten
 * seconds, gone.
 */
const LINGER = 1000;

/** How often Xen is asked whether guests live, in milliseconds. */
const LOOK_EVERY = 1000;

/** Serves all vTPM devices that xenstore names for this domain. What fails for one of them is said, and done for the others. */
export class Backend {
  readonly #options: BackendOptions;
  /** By `domid/device`. */
  readonly #served = new Map<string, Served>();
  /** TPMs that are being forgotten, by the same key: the next one of a key starts after that. */
  readonly #ending = new Map<string, Promise<void>>();

  /** Devices whose directories are about to be removed. */
  readonly #leaving = new Set<string>();

  /** Why devices that xenstore names are not served: said once. */
  readonly #refused = new Map<string, string>();

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Follows xenstore; ends only when that fails. */
  async serve(): Promise<never> {
    const { store } = this.#options;
    store.watch(HOME, HOME);
    setInterval(() => this.look(), LOOK_EVERY);
    for (;;) this.handle(await store.nextChanges());
  }

  /** Does what changes ask for: each device that they are about is looked at once, however many they are. */
  handle(changes: readonly Change[]): void {
    const keys = new Set<string>();
    const byGuest = new Map<string, number>();
    for (const { path, token } of changes) {
      if (token === HOME) {
        // On our directory: the path tells the device.
        const [domid, device] = path.slice(HOME.length + 1).split('/');
        if (domid !== undefined && device !== undefined) keys.add(`${domid}/${device}`);
        else for (const key of this.#devices()) keys.add(key);
        continue;
      }
      // On a guest's own: the token does. Below its state a guest may write what it likes.
      byGuest.set(token, (byGuest.get(token) ?? 0) + 1);
      if (path === statePath(this.#served.get(token))) keys.add(token);
    }
    for (const [key, count] of byGuest) if (!this.#allows(key, count)) keys.delete(key);
    for (const key of keys) this.#attempt(key, () => this.#attend(key));
  }

  /** Forgets the TPMs of guests that Xen does not have any more, whatever xenstore says. Whoever gets their domids gets others. */
  look(): void {
    this.#attempt('', () => this.#options.register.look());
    for (const [key, served] of this.#served) {
      this.#attempt(key, () => {
        if (served.lifetime.hasEnded()) this.#end(key, served);
      });
    }
  }

  /** All devices that there are, and all that there were. */
  #devices(): Set<string> {
    return new Set([...namedDevices(this.#options.store), ...this.#served.keys()]);
  }

  /** Whether a guest that made so many changes is looked at; if not, it is let alone for a while. */
  #allows(key: string, changes: number): boolean {
    const served = this.#served.get(key);
    const { store, say, now } = this.#options;
    if (served === undefined || served.ignored) return false;
    if (served.attention.take(changes, now())) return true;
    const { window } = LIMITS;
    served.ignored = true;
    this.#attempt(key, () => store.unwatch(statePath(served), key));
    say(`${served.frontend} changes too often: it is not looked at for ${window / 1000} s`);
    const resume = () => {
      // Xenstore reports a change at once, so that what the guest did meanwhile is seen then.
      if (this.#served.get(key) !== served) return;
      served.ignored = false;
      store.watch(statePath(served), key);
    };
    setTimeout(() => this.#attempt(key, resume), window).unref();
    return false;
  }

  /**
   * Does what xenstore says of a device. dom0 writes there what it likes, so a TPM ends only with its domain, or, of a domain that
   * dom0 made, when the device is taken away; entries that are gone take nothing away.
   */
  #attend(key: string): void {
    const { store } = this.#options;
    const backend = `${HOME}/${key}`;
    const frontend = store.read(`${backend}/frontend`);
    const uuid = store.read(`${backend}/uuid`);
    const before = this.#served.get(key);
    if (before?.lifetime.hasEnded()) this.#end(key, before);
    if (frontend === undefined) {
      this.#refused.delete(key);
      return;
    }
    if (isOffline(store, backend)) {
      this.#remove(key, uuid);
      return;
    }
    const given = this.#served.get(key);
    // Another device for a guest of dom0's own.
    if (given !== undefined && given.recorded === undefined && given.uuid !== uuid) {
      this.#drop(key, given);
    }
    const served = this.#served.get(key) ?? this.#take(key, frontend, uuid);
    served?.device.offer();
  }

  /** The toolstack waits to see a device closed, and leaves its directory to us; unless it is another device's by then. */
  #remove(key: string, uuid: string | undefined): void {
    const { store } = this.#options;
    const backend = `${HOME}/${key}`;
    const served = this.#served.get(key);
    // What domB gave, dom0 does not take: whenever it offers the device again, the guest meets the same TPM.
    if (served?.recorded !== undefined) served.device.withdraw();
    else if (served !== undefined) this.#end(key, served);
    const remove = () => {
      this.#leaving.delete(key);
      const same = isOffline(store, backend) && store.read(`${backend}/uuid`) === uuid;
      if (same) store.remove(backend);
    };
    if (this.#leaving.has(key)) return;
    this.#leaving.add(key);
    setTimeout(() => this.#attempt(key, remove), LINGER).unref();
  }

  #take(key: string, frontend: string, uuid: string | undefined): Served | undefined {
    const { store, rings, say, now, register } = this.#options;
    const [at = '', number = ''] = key.split('/');
    const domid = decimal(at);
    if (domid === undefined || decimal(number) === undefined) return undefined;
    const backend = `${HOME}/${key}`;
    const own = `/local/domain/${domid}/device/vtpm/${number}`;
    if (frontend !== own) return this.#refuse(key, `its front end is ${frontend}, not ${own}`);
    const admitted = register.admit(domid);
    if (typeof admitted === 'string') return this.#refuse(key, admitted);
    if (admitted.recorded !== undefined && number !== OWN_DEVICE) {
      return this.#refuse(key, `${admitted.recorded.name} has one TPM, as device ${OWN_DEVICE}`);
    }
    this.#refused.delete(key);
    // Its TPM of before has to end first, of which nobody may have taken notice yet.
    if (admitted.restarted) this.look();
    const isGuest = () => !admitted.lifetime.hasEnded();
    const device = new Device({ domid, backend, frontend, store, rings, isGuest, say, now });
    const { recorded, restarted, lifetime } = admitted;
    const known = { domid, number, recorded, restarted, uuid: lifetime.identity.uuid };
    const tpm = this.#start(key, known, device);
    const served = {
      ...admitted,
      device,
      tpm,
      frontend,
      uuid,
      attention: new Attention(LIMITS),
      ignored: false,
    };
    this.#served.set(key, served);
    if (recorded !== undefined && restarted)
      say(`${recorded.name} is started anew, as domain ${domid}`);
    store.watch(statePath(served), key);
    return served;
  }

  #refuse(key: string, why: string): undefined {
    if (this.#refused.get(key) === why) return;
    this.#refused.set(key, why);
    this.#options.say(`${HOME}/${key}: ${why}: no TPM`);
  }

  /** Starts a TPM for a device; never rejects. */
  async #start(
    key: string,
    known: Omit<NewDevice, 'died'>,
    device: Device,
  ): Promise<GuestTpm | undefined> {
    const { startTpm, say, store } = this.#options;
    const died = (how: string) => say(`the TPM of domain ${known.domid} is gone: ${how}`);
    let tpm: GuestTpm;
    try {
      const ending = this.#ending.get(key);
      if (ending !== undefined) await ending;
      tpm = await startTpm({ ...known, died });
    } catch (error) {
      // The device stays offered, and nobody can connect to it. dom0 finds the reason where Xen's tools look for one.
      const { message } = error as Error;
      say(`${HOME}/${key}: ${message}`);
      this.#attempt(key, () => store.write(`${HOME}/${key}/error`, message));
      return undefined;
    }
    this.#attempt(key, () => device.powerOn(tpm));
    return tpm;
  }

  #end(key: string, served: Served): void {
    this.#drop(key, served);
    // The last, as it may be refused: the directory may be gone by now.
    served.device.close();
  }

  #drop(key: string, served: Served): void {
    const { store, say } = this.#options;
    this.#served.delete(key);
    served.device.end();
    this.#attempt(key, () => store.unwatch(statePath(served), key));
    const ended = served.tpm
      .then((tpm) => tpm?.stop())
      .then(
        () => say(`forgets the TPM of domain ${key.split('/')[0]}`),
        (error: Error) => say(`${HOME}/${key}: ${error.message}`),
      )
      .finally(() => {
        if (this.#ending.get(key) === ended) this.#ending.delete(key);
      });
    this.#ending.set(key, ended);
  }

  #attempt(key: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.say(`${HOME}/${key}: ${(error as Error).message}`);
    }
  }
}

/** Says of all devices that xenstore names for this domain that they are closed: to be done when the back end has ended. */
export function closeDevices(store: Store, say: (text: string) => void): void {
  for (const key of namedDevices(store)) {
    try {
      store.write(`${HOME}/${key}/state`, String(XenbusState.closed));
    } catch (error) {
      say(`${HOME}/${key}: ${(error as Error).message}`);
    }
  }
}

const namedDevices = (store: Store): string[] =>
  store
    .list(HOME)
    .flatMap((domid) => store.list(`${HOME}/${domid}`).map((device) => `${domid}/${device}`));

const isOffline = (store: Store, backend: string): boolean =>
  store.read(`${backend}/online`) === '0';

function statePath(served: Pick<Served, 'frontend'>): string;
function statePath(served: Pick<Served, 'frontend'> | undefined): string | undefined;
function statePath(served: Pick<Served, 'frontend'> | undefined): string | undefined {
  return served && `${served.frontend}/state`;
}
