import type { Transport } from 'node-tpm2-pts';

/** Counts what goes to a TPM, and how long it takes to answer. */
export class TimedTransport implements Transport {
  commands = 0;
  milliseconds = 0;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get description(): string {
    return this.#transport.description;
  }

  async transmit(command: Buffer): Promise<Buffer> {
    const start = performance.now();
    try {
      return await this.#transport.transmit(command);
    } finally {
      this.commands += 1;
      this.milliseconds += performance.now() - start;
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
