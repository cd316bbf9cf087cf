import { COMMAND_CODES, TpmTransportError, type Transport } from 'node-tpm2-pts';

/** A transport that keeps the names of the commands it carried, and loses those it is told to lose. */
export class FaultyTransport implements Transport {
  readonly received: string[] = [];
  /** True for a command that must not arrive. */
  loses: (command: string) => boolean = () => false;
  readonly #carrier: Transport;

  constructor(carrier: Transport) {
    this.#carrier = carrier;
  }

  get description(): string {
    return this.#carrier.description;
  }

  async transmit(command: Buffer): Promise<Buffer> {
    // Part 3: tag u16, size u32, command code u32.
    const code = command.readUInt32BE(6);
    const name = Object.entries(COMMAND_CODES).find(([, value]) => value === code)?.[0] ?? '';
    this.received.push(name);
    if (this.loses(name)) {
      throw new TpmTransportError(`${this.description}: ${name} was lost`, 'this is a test');
    }
    return this.#carrier.transmit(command);
  }

  /** The carrier stays open: whoever made it looks into the TPM afterwards. */
  async close(): Promise<void> {}
}
