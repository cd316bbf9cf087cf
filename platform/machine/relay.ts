import { createServer, type Server, type Socket } from 'node:net';
import type { SerialLine } from './machine.ts';

/** Bytes of what was said that whoever comes later is shown. */
const REMEMBERED = 4096;

/** Bytes that one who does not read may be behind. */
const MOST_BEHIND = 1 << 20;

/**
 * Gives a serial line to any number of terminals: what the machine says goes to all, what one of them types goes to the
 * machine. They connect to the UNIX socket at `path`, which only its owner can.
 */
export class Relay {
  readonly #line: SerialLine;
  readonly #server: Server;
  readonly #terminals = new Set<Socket>();
  #said = Buffer.alloc(0);

  constructor(line: SerialLine, path: string) {
    this.#line = line;
    line.output.on('data', this.#say);
    this.#server = createServer((terminal) => this.#welcome(terminal));
    const mask = process.umask(0o177);
    this.#server.listen(path);
    process.umask(mask);
  }

  /** Resolves when terminals can connect. */
  async ready(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('listening', resolve).once('error', reject);
    });
  }

  /** Ends every connection and removes the socket. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#line.output.off('data', this.#say);
    for (const terminal of this.#terminals) terminal.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  readonly #say = (chunk: Buffer | string): void => {
    const bytes = Buffer.from(chunk);
    this.#said = Buffer.concat([this.#said, bytes]).subarray(-REMEMBERED);
    for (const terminal of this.#terminals) {
      if (terminal.writableLength > MOST_BEHIND) terminal.destroy();
      else terminal.write(bytes);
    }
  };

  #welcome(terminal: Socket): void {
    this.#terminals.add(terminal);
    terminal.on('error', () => {}).on('close', () => this.#terminals.delete(terminal));
    terminal.on('data', (typed: Buffer) => this.#line.input.write(typed));
    terminal.write(this.#said);
  }
}
