import assert from 'node:assert/strict';
import { type FileHandle, open, readdir, readlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import type { ExposedHardware } from '../../platform/machine/machine.ts';

/** Bytes of a page. */
export const PAGE = 4096;
/** Bytes that are looked through at once. */
const STRETCH = 1 << 24;
/** q35 puts memory from here on above 4 GiB when there is more than 2.75 GiB of it (pc_q35_init). */
const LOW_END = 0x8000_0000;
const HIGH_START = 0x1_0000_0000;

/**
 * The hardware of a running machine as somebody has it who owns a device in it: its memory, past processor and IOMMU, and its
 * buses, as the processor reaches them (QEMU's qtest protocol, docs/devel/qtest.rst).
 */
export class Hardware {
  readonly #memory: FileHandle;
  readonly #size: number;
  readonly #socket: Socket;
  readonly #answers: AsyncIterableIterator<string>;
  readonly #lines: Interface;

  private constructor(memory: FileHandle, size: number, socket: Socket) {
    this.#memory = memory;
    this.#size = size;
    this.#socket = socket;
    this.#lines = createInterface({ input: socket });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  static async open({ pid, controlSocket }: ExposedHardware): Promise<Hardware> {
    const files = `/proc/${pid}/fd`;
    for (const name of await readdir(files)) {
      const target = await readlink(`${files}/${name}`).catch(() => '');
      if (!target.includes('memfd:memory-backend-memfd')) continue;
      const memory = await open(`${files}/${name}`, 'r+');
      const { size } = await memory.stat();
      const socket = connect(controlSocket);
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return new Hardware(memory, size, socket);
    }
    throw new Error(`process ${pid} has no memory of a machine`);
  }

  async close(): Promise<void> {
    this.#lines.close();
    this.#socket.destroy();
    await this.#memory.close();
  }

  /** Addresses of all pages that hold one of these contents, of 4096 bytes each. */
  pagesWith(...contents: readonly Buffer[]): Promise<number[]> {
    return this.pagesWhere(holdsOne(contents));
  }

  /** Some of them, sooner: as many as there are contents. */
  somePagesWith(...contents: readonly Buffer[]): Promise<number[]> {
    return this.pagesWhere(holdsOne(contents), contents.length);
  }

  /** Addresses of all pages that fit; each is shown as a place in a stretch of memory. */
  async pagesWhere(
    fits: (memory: Buffer, at: number) => boolean,
    enough = Number.POSITIVE_INFINITY,
  ): Promise<number[]> {
    const found: number[] = [];
    const stretch = Buffer.alloc(STRETCH);
    const last = Math.floor((this.#size - 1) / STRETCH) * STRETCH;
    // Linux and Xen give memory from its end.
    for (let start = last; start >= 0 && found.length < enough; start -= STRETCH) {
      const { bytesRead } = await this.#memory.read(stretch, 0, STRETCH, start);
      for (let at = 0; at < bytesRead; at += PAGE) {
        if (fits(stretch, at)) found.push(addressOf(start + at));
      }
    }
    return found;
  }

  /** What memory holds, whatever any page table says. */
  async peek(address: number, bytes: number): Promise<Buffer> {
    const { buffer } = await this.#memory.read(Buffer.alloc(bytes), 0, bytes, offsetOf(address));
    return buffer;
  }

  async poke(address: number, bytes: Uint8Array): Promise<void> {
    await this.#memory.write(bytes, 0, bytes.length, offsetOf(address));
  }

  /** Reads a register: 2, 4 or 8 bytes. */
  async read(address: number, width: 'w' | 'l' | 'q'): Promise<bigint> {
    return BigInt((await this.#command(`read${width} 0x${address.toString(16)}`))[1] ?? '');
  }

  async write(address: number, width: 'w' | 'l' | 'q', value: bigint | number): Promise<void> {
    await this.#command(`write${width} 0x${address.toString(16)} 0x${value.toString(16)}`);
  }

  async #command(text: string): Promise<string[]> {
    this.#socket.write(`${text}\n`);
    const { value, done } = await this.#answers.next();
    assert.ok(!done && value.startsWith('OK'), `${text}: ${value}`);
    return value.split(' ');
  }
}

function addressOf(offset: number): number {
  return offset < LOW_END ? offset : offset - LOW_END + HIGH_START;
}

function offsetOf(address: number): number {
  return address < HIGH_START ? address : address - HIGH_START + LOW_END;
}

function holdsOne(contents: readonly Buffer[]): (memory: Buffer, at: number) => boolean {
  const byStart = new Map(contents.map((content) => [content.readUInt32LE(), content]));
  return (memory, at) => byStart.get(memory.readUInt32LE(at))?.compare(memory, at, at + PAGE) === 0;
}
