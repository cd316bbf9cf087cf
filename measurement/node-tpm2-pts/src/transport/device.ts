import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { TpmFormatError, TpmTransportError } from '../errors.ts';
import { shortAnswer } from '../foreign-answer.ts';
import { HEADER_SIZE, MAX_RESPONSE_SIZE, responseSize, type Transport } from './transport.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOENT:
    'no TPM here: is it switched on in the firmware, and are the modules tpm_tis, tpm_crb loaded?',
  EACCES: 'run as root or join the group that owns the device',
  EPERM: 'run as root or join the group that owns the device',
  EBUSY: 'another program holds the TPM: end it, or use the resource manager /dev/tpmrm0',
  ETIME: 'the TPM did not answer in time: switch the machine off and on again',
  EIO: 'the TPM does not answer: switch the machine off and on again; the kernel log (dmesg) has lines of its driver',
  ENODEV:
    'the TPM is gone: switch the machine off and on again, and look for it in the firmware set-up',
};
const OTHER_HINT = 'see the kernel log (dmesg) for messages of the tpm driver';

/**
 * Opens a character device of the Linux TPM driver: `/dev/tpmrm0` (kernel resource manager: objects and sessions of
 * other programs stay apart) or `/dev/tpm0`.
 *
 * The driver takes one write as one command and gives the response in one read (Linux, drivers/char/tpm/tpm-dev-common.c);
 * both block until the TPM has answered, so they run on Node's thread pool.
 */
export async function openDevice(
  path = '/dev/tpmrm0',
  { blocking = false }: TpmDeviceOptions = {},
): Promise<Transport> {
  try {
    return new Device(path, blocking ? blockingCalls(path) : await threadedCalls(path));
  } catch (error) {
    throw failure(path, 'open', error);
  }
}

export interface TpmDeviceOptions {
  /** Nothing else happens in this program while the TPM works. A command then takes no time but the TPM's: not two ways to a thread and back. */
  readonly blocking?: boolean;
}

/** What is done with the open file; reads and writes give numbers of bytes. */
interface Calls {
  write(bytes: Buffer): number | Promise<number>;
  read(into: Buffer): number | Promise<number>;
  close(): void | Promise<void>;
}

function blockingCalls(path: string): Calls {
  const file = openSync(path, 'r+');
  return {
    write: (bytes) => writeSync(file, bytes, 0, bytes.length, null),
    read: (into) => readSync(file, into, 0, into.length, null),
    close: () => closeSync(file),
  };
}

async function threadedCalls(path: string): Promise<Calls> {
  const file = await open(path, 'r+');
  return {
    write: async (bytes) => (await file.write(bytes, 0, bytes.length, null)).bytesWritten,
    read: async (into) => (await file.read(into, 0, into.length, null)).bytesRead,
    close: () => file.close(),
  };
}

class Device implements Transport {
  readonly description: string;
  readonly #calls: Calls;

  constructor(path: string, calls: Calls) {
    this.description = path;
    this.#calls = calls;
  }

  async transmit(command: Buffer): Promise<Buffer> {
    const written = await this.#call('write', () => this.#calls.write(command));
    if (written !== command.length) {
      throw new TpmTransportError(
        `${this.description}: write: took ${written} of ${command.length} bytes`,
        'this is no TPM device: it must take a command in one write',
      );
    }
    const buffer = Buffer.allocUnsafe(MAX_RESPONSE_SIZE);
    const bytesRead = await this.#call('read', () => this.#calls.read(buffer));
    const response = Buffer.from(buffer.subarray(0, bytesRead));
    if (bytesRead < HEADER_SIZE) throw shortAnswer(bytesRead, this.description);
    if (responseSize(response, this.description) !== bytesRead) {
      throw new TpmFormatError(
        `${this.description}: a response of ${bytesRead} bytes does not match its header`,
      );
    }
    return response;
  }

  async close(): Promise<void> {
    await this.#call('close', () => this.#calls.close());
  }

  async #call<T>(call: string, operation: () => T | Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw failure(this.description, call, error);
    }
  }
}

function failure(path: string, call: string, cause: unknown): TpmTransportError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new TpmTransportError(
    `${path}: ${call}: ${code ?? message}`,
    HINTS[code ?? ''] ?? OTHER_HINT,
    { cause, ...(code === undefined ? {} : { errno: code }) },
  );
}
