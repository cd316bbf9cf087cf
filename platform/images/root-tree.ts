import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { type CpioEntry, cpioPieces, type Piece } from '../../initramfs/cpio.ts';
import { filePiece, joined } from '../lib/pieces.ts';

/** A root file system in the making: paths are absolute, parents come into being by themselves. */
export class RootTree {
  readonly #entries = new Map<string, CpioEntry<Piece>>();

  directory(path: string): this {
    return this.#add(path, { path: relative(path), type: 'directory' });
  }

  file(path: string, data: Uint8Array | string, mode = 0o644): this {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    return this.#add(path, { path: relative(path), type: 'file', mode, data: bytes });
  }

  async copy(path: string, source: string, mode = 0o644): Promise<this> {
    return this.file(path, await readFile(source), mode);
  }

  /** A file that is read when the archive is written. */
  place(path: string, source: string, mode = 0o644): this {
    const data = filePiece(source);
    return this.#add(path, { path: relative(path), type: 'file', mode, data });
  }

  link(path: string, target: string): this {
    return this.#add(path, { path: relative(path), type: 'link', target });
  }

  characterDevice(path: string, mode: number, major: number, minor: number): this {
    return this.#add(path, { path: relative(path), type: 'device', mode, major, minor });
  }

  blockDevice(path: string, mode: number, major: number, minor: number): this {
    return this.#add(path, { path: relative(path), type: 'block device', mode, major, minor });
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Parents before children. */
  entries(): CpioEntry<Piece>[] {
    const paths = [...this.#entries.keys()].sort();
    return paths.map((path) => this.#entries.get(path) as CpioEntry<Piece>);
  }

  /** The tree as an uncompressed cpio archive, parents before children. */
  archive(): Buffer {
    return joined(this.pieces());
  }

  /** The same, for an archive that need not fit into memory. */
  pieces(): Piece[] {
    return cpioPieces(this.entries());
  }

  #add(path: string, entry: CpioEntry<Piece>): this {
    if (!path.startsWith('/')) throw new Error(`${path}: paths in a root tree are absolute`);
    const parent = posix.dirname(path);
    if (parent !== '/' && !this.#entries.has(parent)) this.directory(parent);
    this.#entries.set(path, entry);
    return this;
  }
}

const relative = (path: string) => path.slice(1);
