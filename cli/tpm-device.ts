import { connectTcp, connectUnix, openDevice, Tpm } from 'node-tpm2-pts';
import { UsageError } from './command.ts';

/** Opens a TPM: a device of Linux, or the data channel of an emulator as `unix:PATH` or `tcp:HOST:PORT`. */
export async function openTpm(device = '/dev/tpmrm0'): Promise<Tpm> {
  const [kind = '', ...rest] = device.split(':');
  const [address, port] = [rest.slice(0, -1).join(':'), Number(rest.at(-1))];
  if (kind === 'unix' && rest.join(':') !== '') return new Tpm(await connectUnix(rest.join(':')));
  if (kind === 'tcp' && address !== '' && Number.isInteger(port)) {
    return new Tpm(await connectTcp(address, port));
  }
  if (device.startsWith('/')) return new Tpm(await openDevice(device));
  throw new UsageError(
    `"${device}" is no TPM`,
    'name a device such as /dev/tpmrm0, unix:PATH or tcp:HOST:PORT',
  );
}
