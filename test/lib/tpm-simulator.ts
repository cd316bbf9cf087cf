import {
  COMMAND_CODES,
  digest,
  type HashAlgorithm,
  hashById,
  hashId,
  Reader,
  Tpm,
  TpmTransportError,
  type Transport,
  Writer,
} from 'node-tpm2-pts';

const NO_SESSIONS = 0x8001;
const SESSIONS = 0x8002;

/**
 * What goes wrong with the next command: a response code, or the connection, or Linux's patience with a TPM that is late, before
 * or after the command ran.
 */
export type Fault = number | `${'lost' | 'late'} ${'command' | 'response'}`;

/** As much of a TPM as measuring needs, in memory: banks, extend, read; and faults on demand. */
export class TpmSimulator implements Transport {
  readonly description = 'simulated TPM';
  readonly pcrs: Map<HashAlgorithm, Buffer[]>;
  /** Names of the commands that arrived. */
  readonly received: string[] = [];
  /** Consulted for every command. */
  fault: (command: string) => Fault | undefined = () => undefined;

  constructor(banks: readonly HashAlgorithm[] = ['sha1', 'sha256']) {
    this.pcrs = new Map(
      banks.map((bank) => [bank, Array.from({ length: 24 }, () => digest(bank).fill(0))]),
    );
  }

  tpm(): Tpm {
    return new Tpm(this);
  }

  async transmit(bytes: Buffer): Promise<Buffer> {
    const command = new Reader(bytes, 'command');
    command.bytes(6, 'tag and size');
    const code = command.u32('command code');
    const name = Object.entries(COMMAND_CODES).find(([, value]) => value === code)?.[0] ?? '';
    this.received.push(name);
    const fault = this.fault(name);
    if (typeof fault === 'number') return frame(NO_SESSIONS, fault, Buffer.alloc(0));
    if (fault?.endsWith('command')) throw lost(fault);
    const response = this.#run(name, command);
    if (fault !== undefined) throw lost(fault);
    return response;
  }

  async close(): Promise<void> {}

  #run(name: string, command: Reader): Buffer {
    if (name === 'GetCapability') return frame(NO_SESSIONS, 0, this.#banks());
    if (name === 'PCR_Read') return frame(NO_SESSIONS, 0, this.#read(command));
    if (name === 'PCR_Extend') {
      this.#extend(command);
      return frame(SESSIONS, 0, new Writer().u32(0).u16(0).u8(0).u16(0).toBuffer());
    }
    return frame(NO_SESSIONS, 0x143, Buffer.alloc(0)); // TPM_RC_COMMAND_CODE
  }

  /** Lists one more bank with an empty bitmap, as real TPMs do. */
  #banks(): Buffer {
    const inactive = (['sha384', 'sha512'] as const).filter((bank) => !this.pcrs.has(bank));
    const all = [...this.pcrs.keys(), ...inactive];
    return new Writer()
      .u8(0)
      .u32(5)
      .list(all, (bank, to) => {
        const select = Buffer.alloc(3, this.pcrs.has(bank) ? 0xff : 0);
        to.u16(hashId(bank)).u8(3).bytes(select);
      })
      .toBuffer();
  }

  #read(command: Reader): Buffer {
    const selection = command.rest();
    const reader = new Reader(selection, 'selection');
    const values: Buffer[] = [];
    for (let left = reader.u32('count'); left > 0; left--) {
      const bank = hashById(reader.u16('bank')) as HashAlgorithm;
      const select = reader.bytes(reader.u8('size'), 'select');
      for (const [pcr, value] of (this.pcrs.get(bank) ?? []).entries()) {
        if (((select[pcr >> 3] ?? 0) >> (pcr & 7)) & 1) values.push(value);
      }
    }
    return new Writer()
      .u32(1)
      .bytes(selection)
      .list(values, (value, to) => to.sized(value))
      .toBuffer();
  }

  #extend(command: Reader): void {
    const pcr = command.u32('pcr');
    command.bytes(command.u32('authorization size'), 'authorization');
    for (let left = command.u32('count'); left > 0; left--) {
      const bank = hashById(command.u16('bank')) as HashAlgorithm;
      const by = command.bytes(digest(bank).length, 'digest');
      const values = this.pcrs.get(bank) as Buffer[];
      values[pcr] = digest(bank, values[pcr] as Buffer, by);
    }
    command.end();
  }
}

/** Puts a response header in front of `body`. */
export function frame(tag: number, code: number, body: Buffer): Buffer {
  return new Writer()
    .u16(tag)
    .u32(10 + body.length)
    .u32(code)
    .bytes(body)
    .toBuffer();
}

function lost(fault: Exclude<Fault, number>): TpmTransportError {
  if (fault.startsWith('lost'))
    return new TpmTransportError('simulated TPM: connection lost', 'none');
  return new TpmTransportError('simulated TPM: write: ETIME', 'none', { errno: 'ETIME' });
}
