import { readTimeInfo, type TimeInfo } from '../structures/attest.ts';
import type { Tpm } from '../tpm.ts';

/** TPM2_ReadClock (Part 3, 29.1): time and clock, unsigned; `getTime` has them signed. */
export async function readClock(tpm: Tpm): Promise<TimeInfo> {
  const response = await tpm.execute({ command: 'ReadClock' });
  const time = readTimeInfo(response);
  response.end();
  return time;
}
