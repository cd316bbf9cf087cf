import type { Rings } from '../../vtpm/backend/device.ts';
import type { Channel } from '../../vtpm/backend/event-channels.ts';
import { PAGE_SIZE, type SharedPage } from '../../vtpm/backend/ring.ts';
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

/** A page that two sides share. */
export class FakePage implements SharedPage {
  readonly bytes = Buffer.alloc(PAGE_SIZE);
  mapped = true;

  read(offset: number, length: number): Buffer {
    if (!this.mapped) throw new Error('not mapped');
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  write(offset: number, bytes: Uint8Array): void {
    if (!this.mapped) throw new Error('not mapped');
    this.bytes.set(bytes, offset);
  }

  unmap(): void {
    this.mapped = false;
  }

  /** What a guest does: writes a message and says that it is there. */
  submit(message: Uint8Array, fields: Partial<PageFields> = {}): void {
    const { length = message.length, state = 1, locality = 0, extraPages = 0 } = fields;
    this.bytes.set(message.subarray(0, PAGE_SIZE - 8), 8);
    this.bytes.writeUInt32LE(length, 0);
    this.bytes.set([state, locality, 0, extraPages], 4);
  }

  get state(): number {
    return this.bytes.readUInt8(4);
  }

  /** What the backend answered. */
  get response(): Buffer {
    return Buffer.from(this.bytes.subarray(8, 8 + this.bytes.readUInt32LE(0)));
  }
}

interface PageFields {
  length: number;
  state: number;
  locality: number;
  extraPages: number;
}

/** Grants and event channels that guests offer, by `domid/number`. */
export class FakeRings implements Rings {
  readonly pages = new Map<string, FakePage>();
  readonly channels = new Set<string>();
  readonly bound = new Map<number, () => Promise<void>>();
  readonly notifications: number[] = [];
  #nextPort = 1;

  map(domid: number, reference: number): FakePage {
    const page = this.pages.get(`${domid}/${reference}`);
    if (page === undefined) throw new Error(`no grant ${domid}/${reference}`);
    page.mapped = true;
    return page;
  }

  bind(domid: number, remotePort: number, notified: () => Promise<void>): Channel {
    if (!this.channels.has(`${domid}/${remotePort}`)) throw new Error('no such channel');
    const port = this.#nextPort++;
    this.bound.set(port, notified);
    return { port };
  }

  notify({ port }: Channel): void {
    this.notifications.push(port);
  }

  unbind({ port }: Channel): void {
    this.bound.delete(port);
  }
}
