import { setTimeout as sleep } from 'node:timers/promises';
import { FIRST_ROOT, nextRoot } from '../../measurement/vtpm-state/root.ts';
import { decryptState, encryptState } from './cipher.ts';
import { encodeList, listOfRoot, type StateList } from './list.ts';
import {
  hashOf,
  MOST_LISTS,
  type NamedObject,
  namedObject,
  nameOfObject,
  type ObjectName,
  type ObjectStore,
} from './objects.ts';
import { Writes } from './writes.ts';

/** The root index of the machine's TPM, as RootIndex has it. */
export interface Root {
  read(): Promise<Buffer>;
  extend(listHash: Buffer): Promise<void>;
}

export interface GuestStatesOptions {
  /** 32 bytes, from the machine's TPM. */
  key: Buffer;
  store: ObjectStore;
  root: Root;
  say: (text: string) => void;
  /** Milliseconds, of a clock that does not go back. */
  now: () => number;
  /** How long after a failure it is tried again, in milliseconds. */
  patience?: number;
}

/** A guest's state, held by one TPM alone until it is closed. */
export interface GuestState {
  /** As it was stored last; undefined for a TPM that is to be made. */
  readonly newest: Buffer | undefined;
  /**
   * Stores another. Returns when it is the one that is newest from now on, whatever happens then.
   * @throws Error when that can never be any more
   */
  store(state: Buffer): Promise<void>;
  /**
   * Whether dom0 wants another TPM in place of this one.
   * @param since when it became of interest: dom0 is asked where it was not asked after that
   * @throws Error where dom0 does not answer
   */
  isUnwanted(since: number): Promise<boolean>;
  /** Lets the guest's next TPM have it. */
  close(): void;
}

/** What a guest's state was, for whoever opens it. */
interface Loaded {
  readonly newest: Buffer | undefined;
  /** dom0 was asked whether it wants another TPM, and does not. */
  readonly wanted: boolean;
}

/** What is not there for good yet, of one guest. */
interface Pending {
  state: Buffer;
  encrypted: Buffer;
  readonly done: (() => void)[];
}

/** A change of the root index. */
interface Advance {
  readonly former: Buffer;
  readonly next: Buffer;
  readonly listHash: Buffer;
  /** It was tried before. */
  readonly again: boolean;
}

const PATIENCE = 5000;

/**
 * The states of guests' TPMs, which outlast the boot: dom0 stores them, encrypted, and the machine's TPM knows by one value which of
 * them are the newest. Nothing of what dom0 and whoever passes commands to that TPM say is believed.
 */
export class GuestStates {
  readonly #options: GuestStatesOptions;
  readonly #writes: Writes;
  #list: StateList | undefined;
  #root: Buffer | undefined;
  readonly #pending = new Map<string, Pending>();
  #running: Promise<void> | undefined;
  #loading: Promise<unknown> = Promise.resolve();
  /** Who holds a guest's state, by its name: settles when it is closed. */
  readonly #held = new Map<string, Promise<void>>();
  /** Guests whose TPMs are being made anew. */
  readonly #anew = new Set<string>();
  /** What was stored last, by the guest's name: for its next TPM, which asks dom0 for nothing to begin with. */
  readonly #newest = new Map<string, Buffer>();
  /** Guests of whom dom0 wants another TPM, or may: it is asked before theirs is opened. */
  readonly #toAsk = new Set<string>();
  /** A command that extends the root may still be on its way. */
  #doubt = false;
  /** Why no state can be stored any more. */
  #lost: string | undefined;
  #said = '';

  constructor(options: GuestStatesOptions) {
    this.#options = options;
    this.#writes = new Writes(options.now);
  }

  /** Waits until nobody holds it, and for dom0 as long as it takes; it is said what for. */
  async open(name: string): Promise<GuestState> {
    const before = this.#held.get(name);
    let close: () => void = () => {};
    this.#held.set(
      name,
      new Promise((resolve) => {
        close = resolve;
      }),
    );
    await before;
    const begin = this.#options.now();
    const { newest, wanted } = await this.#load(name);
    let closed = false;
    return {
      newest,
      store: async (state) => {
        await this.#writes.take(name);
        if (closed) throw new Error(`the TPM of ${name} has ended`);
        await this.#store(name, state);
      },
      isUnwanted: async (since) => {
        if (newest === undefined || (wanted && since <= begin)) return false;
        let unwanted = true;
        try {
          unwanted = await this.#wantsAnew(name);
        } finally {
          if (unwanted) this.#toAsk.add(name);
        }
        return unwanted;
      },
      close: () => {
        closed = true;
        close();
      },
    };
  }

  async #load(name: string): Promise<Loaded> {
    for (;;) {
      try {
        // One after the other: a slow dom0 is asked once.
        const loaded = this.#loading.then(() => this.#tryToLoad(name));
        this.#loading = loaded.catch(() => {});
        return await loaded;
      } catch (error) {
        this.#tell(`the TPM of ${name} waits: ${(error as Error).message}`);
      }
      await sleep(this.#patience, undefined, { ref: false });
    }
  }

  async #store(name: string, state: Buffer): Promise<void> {
    if (this.#lost !== undefined) throw new Error(this.#lost);
    const encrypted = encryptState(this.#options.key, name, state);
    await new Promise<void>((resolve, reject) => {
      const done = [...(this.#pending.get(name)?.done ?? []), resolve];
      this.#pending.set(name, { state, encrypted, done });
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
      void this.#running.catch(reject);
    });
  }

  get #patience(): number {
    return this.#options.patience ?? PATIENCE;
  }

  async #tryToLoad(name: string): Promise<Loaded> {
    const { store, key, say } = this.#options;
    await this.#running?.catch(() => {});
    if (this.#lost !== undefined) throw new Error(this.#lost);
    const list = await this.#current();
    const newest = this.#newest.get(name);
    if (newest !== undefined && !this.#toAsk.has(name)) return { newest, wanted: false };
    const unwanted = await this.#wantsAnew(name);
    this.#toAsk.delete(name);
    if (unwanted) {
      this.#anew.add(name);
      say(`the TPM of ${name} is made anew, as dom0 wants it`);
      return { newest: undefined, wanted: true };
    }
    const hash = list.states.get(name);
    if (hash === undefined) return { newest: undefined, wanted: true };
    if (newest !== undefined) return { newest, wanted: true };
    const stored = await store.get({ kind: 'state', hash });
    if (stored === undefined) {
      throw new Error(`dom0 has not the state that was stored last, ${hash}: it is lost, or older`);
    }
    if (hashOf(stored).toString('hex') !== hash) {
      throw new Error(`dom0 gives another state than the one that was stored last, ${hash}`);
    }
    return { newest: decryptState(key, name, stored), wanted: true };
  }

  async #wantsAnew(name: string): Promise<boolean> {
    return (await this.#options.store.resets()).includes(name);
  }

  /** The list that the machine's TPM stands for. */
  async #current(): Promise<StateList> {
    if (this.#list !== undefined) return this.#list;
    const { root, store } = this.#options;
    const value = await root.read();
    const list = value.equals(FIRST_ROOT)
      ? { previous: value, states: new Map() }
      : await this.#find(value, await store.lists());
    this.#root = value;
    this.#list = list;
    return list;
  }

  async #find(root: Buffer, hashes: readonly string[]): Promise<StateList> {
    const { store } = this.#options;
    for (const hash of hashes.slice(0, MOST_LISTS)) {
      const bytes = await store.get({ kind: 'list', hash });
      const list = bytes && listOfRoot(root, bytes);
      if (list !== undefined) return list;
    }
    throw new Error(
      hashes.length === 0
        ? "dom0 has no list of states, and the machine's TPM knows of one: it is lost"
        : 'what dom0 has of states is not what was stored last: it is older, or of another machine',
    );
  }

  /** Stores what is pending until nothing is. */
  async #run(): Promise<void> {
    while (this.#pending.size > 0) {
      const round = new Map(this.#pending);
      this.#pending.clear();
      const list = await this.#storeForCertain(round);
      for (const { done } of round.values()) for (const resolve of done) resolve();
      await this.#tidy(list).catch((error: Error) =>
        this.#options.say(`dom0 does not remove what is old: ${error.message}`),
      );
    }
  }

  /** @returns the list in which they are */
  async #storeForCertain(round: ReadonlyMap<string, Pending>): Promise<Buffer> {
    for (let again = false; ; again = true) {
      try {
        return await this.#attempt(round, again);
      } catch (error) {
        const guests = [...round.keys()].join(', ');
        if (this.#lost !== undefined) throw error;
        this.#tell(`the TPM of ${guests} is not stored yet: ${(error as Error).message}`);
      }
      // dom0 may just have begun anew, and left the session with the TPM.
      if (again) await sleep(this.#patience);
    }
  }

  /** States, then the list, then the root: as long as that is the former one, the former list and states hold. */
  async #attempt(round: ReadonlyMap<string, Pending>, again: boolean): Promise<Buffer> {
    const { store } = this.#options;
    const { states: before } = await this.#current();
    const former = this.#root as Buffer;
    const states = new Map(before);
    const objects: NamedObject[] = [];
    for (const [name, { encrypted }] of round) {
      const object = namedObject('state', encrypted);
      objects.push(object);
      states.set(name, object.name.hash);
    }
    const list = { previous: former, states };
    const bytes = encodeList(list);
    await store.put([...objects, namedObject('list', bytes)]);
    const next = nextRoot(former, hashOf(bytes));
    await this.#advance({ former, next, listHash: hashOf(bytes), again });
    this.#list = list;
    this.#root = next;
    this.#said = '';
    for (const [name, { state }] of round) {
      this.#newest.set(name, state);
      await this.#madeAnew(name);
    }
    return bytes;
  }

  /** A response may be lost, or be a lie, and a command come late: what counts is what the TPM holds afterwards. */
  async #advance({ former, next, listHash, again }: Advance): Promise<void> {
    const { root } = this.#options;
    let why: unknown;
    // One that was tried before may have come through.
    if (!again || (await root.read()).equals(former)) {
      try {
        await root.extend(listHash);
        // The TPM has answered for it, and as long as it has for every one, nothing else was extended.
        if (!this.#doubt) return;
      } catch (error) {
        this.#doubt = true;
        why = error;
      }
    }
    const now = await root.read();
    if (now.equals(next)) return;
    if (now.equals(former))
      throw why instanceof Error ? why : new Error('the TPM has not taken it');
    this.#lost =
      "the machine's TPM holds what nobody stored: a command to it came twice, or late. All states are lost";
    throw new Error(this.#lost);
  }

  /** Before anybody hears of it: what the guest keeps from now on is not made anew once more. */
  async #madeAnew(name: string): Promise<void> {
    if (!this.#anew.has(name)) return;
    const { store, say } = this.#options;
    try {
      await store.wasReset(name);
      this.#anew.delete(name);
    } catch (error) {
      say(`dom0 does not note that the TPM of ${name} is made anew: ${(error as Error).message}`);
    }
  }

  async #tidy(list: Buffer): Promise<void> {
    const states = this.#list?.states ?? new Map<string, string>();
    const named = [...states.values()].map((hash): ObjectName => ({ kind: 'state', hash }));
    await this.#options.store.keep([nameOfObject('list', list), ...named]);
  }

  #tell(text: string): void {
    if (this.#said === text) return;
    this.#said = text;
    this.#options.say(text);
  }
}
