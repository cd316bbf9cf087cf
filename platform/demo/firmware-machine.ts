import { snakeoilKey } from '../firmware/snakeoil.ts';
import type { PlatformRunOptions } from './platform-run.ts';

/**
 * A machine on which all can be proven: firmware with Secure Boot starts a signed file, and the TPM has a certificate. The key
 * is one that anybody has, and lies in `directory`, which is not the machine's: that is emptied when it starts.
 */
export async function firmwareMachine(
  directory: string,
): Promise<Pick<PlatformRunOptions, 'tpm' | 'firmware'>> {
  const key = await snakeoilKey(directory);
  return { tpm: 'certified', firmware: { secureBoot: true, key } };
}
