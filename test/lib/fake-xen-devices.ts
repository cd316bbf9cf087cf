import type { Rings } from '../../vtpm/backend/device.ts';
import type { Passage, PassageEvents, PassedRing } from '../../vtpm/backend/passage.ts';
import type { Store } from '../../vtpm/backend/store.ts';

/** xenstore in memory, without permissions. Changes are queued for {@link Store.nextChanges}. */
export class FakeStore implements Store {
  readonly entries = new Map<string, string>();
  readonly watches = new Set<string>();

  read(path: string): string | undefined {
    return this.entries.get(path);
  }

  list(path: string): string[] {
    const below = [...this.entries.keys()].filter((key) => key.startsWith(`${path}/`));
    return [...new Set(below.map((key) => key.slice(path.length + 1).split('/')[0] as string))];
  }

  write(path: string, value: string): void {
    this.entries.set(path, value);
  }

  remove(path: string): void {
    for (const key of [...this.entries.keys()]) {
      if (key === path || key.startsWith(`${path}/`)) this.entries.delete(key);
    }
  }

  watch(path: string, token: string): void {
    this.watches.add(`${token} ${path}`);
  }

  unwatch(path: string, token: string): void {
    this.watches.delete(`${token} ${path}`);
  }

  nextChanges(): Promise<never> {
    throw new Error('tests hand changes over themselves');
  }
}

/** A page that a guest grants. */
export class FakePage {
  #mappings = 0;

  get mapped(): boolean {
    return this.#mappings > 0;
  }

  map(): { unmap(): void } {
    let mapped = true;
    this.#mappings += 1;
    return {
      unmap: () => {
        if (mapped) this.#mappings -= 1;
        mapped = false;
      },
    };
  }
}

/** A passage between a guest and a TPM. */
export interface FakePassage {
  readonly ring: PassedRing;
  readonly events: PassageEvents;
  /** It says that it serves. */
  serving: boolean;
}

/** Grants and event channels that guests offer, by `domid/number`. */
export class FakeRings implements Rings {
  readonly pages = new Map<string, FakePage>();
  readonly channels = new Set<string>();
  /** Those that are not gone. */
  readonly passages = new Set<FakePassage>();
  /** How many there were. */
  started = 0;
  /** Settles when a passage may say that it serves. */
  ready: Promise<void> = Promise.resolve();
  /** Settles when one that was stopped may be gone. */
  gone: Promise<void> = Promise.resolve();

  map(domid: number, reference: number): { unmap(): void } {
    const page = this.pages.get(`${domid}/${reference}`);
    if (page === undefined) throw new Error(`no grant ${domid}/${reference}`);
    return page.map();
  }

  pass(ring: PassedRing, events: PassageEvents): Passage {
    const passage = { ring, events, serving: false };
    this.passages.add(passage);
    this.started += 1;
    const end = (why: string) => {
      if (this.passages.delete(passage)) events.ended(why);
    };
    void this.ready.then(() => {
      if (!this.channels.has(`${ring.domid}/${ring.remotePort}`)) end('no such channel');
      if (!this.passages.has(passage)) return;
      passage.serving = true;
      events.serving();
    });
    return { stop: () => void this.gone.then(() => end('SIGKILL')) };
  }

  /** The socket of the TPM that a guest's commands pass to; undefined where none do. */
  socketOf(domid: number): string | undefined {
    const own = [...this.passages].filter(({ ring, serving }) => serving && ring.domid === domid);
    if (own.length > 1) throw new Error(`domain ${domid} is served twice`);
    return own[0]?.ring.socket;
  }
}
