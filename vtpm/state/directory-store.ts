import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  hashOf,
  isHash,
  KINDS,
  LARGEST_OBJECT,
  MOST_LISTS,
  type NamedObject,
  type ObjectName,
  type ObjectStore,
} from './objects.ts';

/** What an operator asks for, by the guest's name. */
const RESETS = 'resets';
/** Whether it is a name that a file can have: that of a domain in a manifest. */
export const isGuestName = (name: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name);

const fileOf = ({ kind, hash }: ObjectName): string => `${kind}-${hash}`;

function objectOf(file: string): ObjectName | undefined {
  const [kind = '', hash] = file.split('-');
  const known = KINDS.find((each) => each === kind);
  return known !== undefined && isHash(hash) && file === fileOf({ kind: known, hash })
    ? { kind: known, hash }
    : undefined;
}

/** Keeps objects as files of a directory of dom0's. Whatever cuts a write off, a file that has its name is whole. */
export class DirectoryStore implements ObjectStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the directory where it is missing, and removes what a crash has left. */
  async open(): Promise<void> {
    await mkdir(join(this.directory, RESETS), { recursive: true, mode: 0o700 });
    for (const file of await readdir(this.directory)) {
      if (file.endsWith('.part')) await rm(join(this.directory, file));
    }
  }

  async put(objects: readonly NamedObject[]): Promise<void> {
    for (const { name, bytes } of objects) {
      if (hashOf(bytes).toString('hex') !== name.hash) {
        throw new Error(`${bytes.length} bytes do not have the hash ${name.hash}`);
      }
      await this.#write(fileOf(name), bytes);
    }
    // The names, too, have to be on the disk.
    const directory = await open(this.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    const path = join(this.directory, name);
    const part = `${path}.part`;
    const file = await open(part, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  }

  async get(name: ObjectName): Promise<Buffer | undefined> {
    try {
      const bytes = await readFile(join(this.directory, fileOf(name)));
      if (bytes.length > LARGEST_OBJECT) throw new Error(`${fileOf(name)} is too large`);
      return bytes;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async lists(): Promise<string[]> {
    const objects = await this.#objects();
    const lists = objects.filter(({ kind }) => kind === 'list').map(({ hash }) => hash);
    return lists.slice(0, MOST_LISTS);
  }

  async keep(names: readonly ObjectName[]): Promise<void> {
    const kept = new Set(names.map(fileOf));
    for (const object of await this.#objects()) {
      if (!kept.has(fileOf(object))) await rm(join(this.directory, fileOf(object)));
    }
  }

  async resets(): Promise<string[]> {
    return (await readdir(join(this.directory, RESETS))).filter(isGuestName);
  }

  async wasReset(guest: string): Promise<void> {
    if (isGuestName(guest)) await rm(join(this.directory, RESETS, guest), { force: true });
  }

  /** Has the guest's TPM made anew when the guest starts next. */
  async reset(guest: string): Promise<void> {
    if (!isGuestName(guest)) throw new Error(`"${guest}" is no name of a domain`);
    await this.open();
    await (await open(join(this.directory, RESETS, guest), 'w', 0o600)).close();
  }

  async #objects(): Promise<ObjectName[]> {
    return (await readdir(this.directory)).flatMap((file) => objectOf(file) ?? []);
  }
}
