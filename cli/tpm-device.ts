import { connectTcp, connectUnix, openDevice, Tpm, type Transport } from 'node-tpm2-pts';
import { MAX_FIRMWARE_LOG_SIZE } from '../measurement/evidence/evidence.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { UsageError } from './command.ts';

const DEFAULT_DEVICE = '/dev/tpmrm0';

/**
 * What the firmware measured into this TPM, as Linux shows it; undefined where it left no log, and for emulators, whose machine
 * this is not.
 */
export async function kernelFirmwareLog(device = DEFAULT_DEVICE): Promise<Buffer | undefined> {
  const number = /^\/dev\/tpm(?:rm)?(\d{1,3})$/.exec(device)?.[1];
  if (number === undefined) return undefined;
  const file = `/sys/kernel/security/tpm${number}/binary_bios_measurements`;
  return readBounded(file, MAX_FIRMWARE_LOG_SIZE).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Opens a TPM: a device of Linux, or the data channel of an emulator as `unix:PATH` or `tcp:HOST:PORT`. */
export const openNamedTpm = async (device?: string): Promise<Tpm> =>
  new Tpm(await openNamedTransport(device));

/** The same, for commands as they come. */
export async function openNamedTransport(device = DEFAULT_DEVICE): Promise<Transport> {
  const [kind = '', ...rest] = device.split(':');
  const [address, port] = [rest.slice(0, -1).join(':'), Number(rest.at(-1))];
  if (kind === 'unix' && rest.join(':') !== '') return connectUnix(rest.join(':'));
  if (kind === 'tcp' && address !== '' && Number.isInteger(port)) return connectTcp(address, port);
  if (device.startsWith('/')) return openDevice(device);
  throw new UsageError(
    `"${device}" is no TPM`,
    'name a device such as /dev/tpmrm0, unix:PATH or tcp:HOST:PORT',
  );
}
