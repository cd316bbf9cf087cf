import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../platform/lib/run.ts';
import { PAGE_SIZE, RingState, responseIn, submit } from './backend-ring.ts';

const REFERENCE = 8;
const PORT = 9;

/** The program that passes commands, compiled with fake-xen.c for Xen's libraries, and guests for it. */
export class FakeGuests {
  readonly program: string;
  readonly directory: string;
  readonly #guests: FakeGuest[] = [];

  private constructor(directory: string, program: string) {
    this.directory = directory;
    this.program = program;
  }

  /** Programs that this process starts find these guests. */
  static async compiled(): Promise<FakeGuests> {
    const directory = await mkdtemp(join(tmpdir(), 'domb-guests-'));
    await chmod(directory, 0o711);
    const program = join(directory, 'tpmback');
    const vtpm = join(import.meta.dirname, '../../vtpm');
    const serve = join(vtpm, 'backend/serve');
    const sources = (await readdir(serve)).filter((name) => name.endsWith('.c'));
    const linger = join(vtpm, 'linger');
    await runProgram('gcc', [
      ...['-O2', '-g', '-Wall', '-Wextra', '-Werror', '-o', program],
      ...[`-I${linger}`, join(linger, 'linger.c'), ...sources.map((name) => join(serve, name))],
      join(import.meta.dirname, 'fake-xen.c'),
    ]);
    process.env.FAKE_XEN = directory;
    return new FakeGuests(directory, program);
  }

  async remove(): Promise<void> {
    for (const guest of this.#guests) guest.close();
    await rm(this.directory, { recursive: true });
  }

  /** A guest that grants a page and offers a channel. */
  async guest(domid: number): Promise<FakeGuest> {
    const page = join(this.directory, `page-${domid}-${REFERENCE}`);
    const channel = join(this.directory, `channel-${domid}-${PORT}`);
    await writeFile(page, Buffer.alloc(PAGE_SIZE));
    await runProgram('mkfifo', [channel, `${channel}.back`]);
    const guest = new FakeGuest(page, channel);
    this.#guests.push(guest);
    return guest;
  }
}

/** A guest's end of the page and of the channel. */
export class FakeGuest {
  readonly reference = REFERENCE;
  readonly remotePort = PORT;
  readonly #file: number;
  readonly #channel: number;
  readonly #back: Socket;

  constructor(page: string, channel: string) {
    // Both ends of the FIFOs, so that they have no end when the program ends.
    const both = constants.O_RDWR | constants.O_NONBLOCK;
    this.#file = openSync(page, 'r+');
    this.#channel = openSync(channel, both);
    this.#back = new Socket({ fd: openSync(`${channel}.back`, both) });
  }

  close(): void {
    closeSync(this.#file);
    closeSync(this.#channel);
    this.#back.destroy();
  }

  get page(): Buffer {
    const page = Buffer.alloc(PAGE_SIZE);
    readSync(this.#file, page, 0, PAGE_SIZE, 0);
    return page;
  }

  set page(page: Buffer) {
    // What is behind the header first, as a front end does.
    writeSync(this.#file, page, 8, PAGE_SIZE - 8, 8);
    writeSync(this.#file, page, 0, 8, 0);
  }

  notify(times = 1): void {
    writeSync(this.#channel, '!'.repeat(times));
  }

  /** Submits what `page` has, and gives the page when it has an answer. */
  async exchange(page: Buffer): Promise<Buffer> {
    this.page = page;
    this.notify();
    // One notification may be for two answers.
    for (;;) {
      await once(this.#back, 'data');
      const answered = this.page;
      if (answered.readUInt8(4) !== RingState.submit) return answered;
    }
  }

  /** Has a command done, and gives the response. */
  async transmit(command: Buffer, fields: Parameters<typeof submit>[2] = {}): Promise<Buffer> {
    const page = Buffer.alloc(PAGE_SIZE);
    submit(page, command, fields);
    return responseIn(await this.exchange(page));
  }
}
