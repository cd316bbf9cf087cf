import type { NetConnectOpts, Socket } from 'node:net';
import { TpmTransportError } from '../errors.ts';
import { HEADER_SIZE, responseSize, type Transport } from './transport.ts';

export interface SocketOptions {
  /** How long one command may take, in milliseconds. Default two minutes: making an RSA key can take one. 0: no limit. */
  timeout?: number;
}

/** Connects to a TPM behind a UNIX stream socket, such as swtpm's data channel (`--server type=unixio,path=…`). */
export function connectUnix(path: string, options: SocketOptions = {}): Promise<Transport> {
  return open(`unix:${path}`, { path }, options);
}

/** Connects to a TPM behind a TCP socket, such as swtpm's data channel (`--server type=tcp,port=…`). */
export function connectTcp(
  host: string,
  port: number,
  options: SocketOptions = {},
): Promise<Transport> {
  return open(`tcp:${host}:${port}`, { host, port, noDelay: true }, options);
}

async function open(
  description: string,
  target: NetConnectOpts,
  { timeout = 120_000 }: SocketOptions,
): Promise<Transport> {
  // Loaded here, as programs that talk to no socket would pay for it at their start.
  const { connect } = await import('node:net');
  const socket = connect(target);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
  } catch (error) {
    throw failure(description, 'connect', error as NodeJS.ErrnoException);
  }
  return new SocketTransport(description, socket, timeout);
}

class SocketTransport implements Transport {
  readonly description: string;
  readonly #socket: Socket;
  readonly #timeout: number;
  #received = Buffer.alloc(0);
  #broken: TpmTransportError | undefined;
  #wake: () => void = () => {};

  constructor(description: string, socket: Socket, timeout: number) {
    this.description = description;
    this.#socket = socket;
    this.#timeout = timeout;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk as Buffer]);
      this.#wake();
    });
    socket.on('error', (error) => this.#break(failure(description, 'receive', error)));
    socket.on('close', () =>
      this.#break(
        new TpmTransportError(
          `${description}: the TPM closed the connection`,
          'see the log of the TPM emulator; swtpm serves one connection at a time',
        ),
      ),
    );
  }

  async transmit(command: Buffer): Promise<Buffer> {
    if (this.#broken) throw this.#broken;
    // Whatever is left belongs to no command of ours.
    this.#received = Buffer.alloc(0);
    const timer =
      this.#timeout > 0
        ? setTimeout(() => this.#socket.destroy(this.#late()), this.#timeout)
        : undefined;
    try {
      this.#socket.write(command);
      const header = await this.#peek(HEADER_SIZE);
      return await this.#peek(responseSize(header, this.description));
    } catch (error) {
      // After half a response the stream has no known position any more.
      this.#socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }

  /** The first `length` bytes of the response, as soon as they are there. */
  async #peek(length: number): Promise<Buffer> {
    while (this.#received.length < length) {
      if (this.#broken) throw this.#broken;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received.subarray(0, length);
  }

  #break(error: TpmTransportError): void {
    this.#broken ??= error;
    this.#wake();
  }

  #late(): Error {
    return Object.assign(new Error(`no response within ${this.#timeout} ms`), {
      code: 'ETIMEDOUT',
    });
  }
}

function failure(description: string, call: string, cause: NodeJS.ErrnoException) {
  return new TpmTransportError(
    `${description}: ${call}: ${cause.code ?? cause.message}`,
    'is the TPM emulator running and listening there?',
    { cause, ...(cause.code === undefined ? {} : { errno: cause.code }) },
  );
}
