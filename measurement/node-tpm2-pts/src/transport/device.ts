import { type FileHandle, open } from 'node:fs/promises';
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
 * a read blocks until the TPM has answered, so it runs on Node's thread pool.
 */
export async function openDevice(path = '/dev/tpmrm0'): Promise<Transport> {
  try {
    return new Device(path, await open(path, 'r+'));
  } catch (error) {
    throw failure(path, 'open', error);
  }
}

class Device implements Transport {
  readonly description: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.description = path;
    this.#file = file;
  }

  async transmit(command: Buffer): Promise<Buffer> {
    const written = await this.#call('write', () =>
      this.#file.write(command, 0, command.length, null),
    );
    if (written.bytesWritten !== command.length) {
      throw new TpmTransportError(
        `${this.description}: write: took ${written.bytesWritten} of ${command.length} bytes`,
        'this is no TPM device: it must take a command in one write',
      );
    }
    const buffer = Buffer.allocUnsafe(MAX_RESPONSE_SIZE);
    const { bytesRead } = await this.#call('read', () =>
      this.#file.read(buffer, 0, buffer.length, null),
    );
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
    await this.#call('close', () => this.#file.close());
  }

  async #call<T>(call: string, operation: () => Promise<T>): Promise<T> {
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
