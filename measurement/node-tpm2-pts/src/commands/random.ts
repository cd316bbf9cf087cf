import { Writer } from '../codec/writer.ts';
import type { Tpm } from '../tpm.ts';

/**
 * TPM2_GetRandom (Part 3, 16.1): `length` bytes from the TPM's generator. The TPM gives no more at a time than its
 * largest digest, so this asks as often as needed.
 */
export async function getRandom(tpm: Tpm, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = length; left > 0; ) {
    const parameters = new Writer().u16(Math.min(left, 64));
    const response = await tpm.execute({ command: 'GetRandom', parameters });
    const part = response.sized('randomBytes', Math.min(left, 64));
    response.end();
    if (part.length === 0) throw response.error('the TPM gave no random bytes');
    parts.push(part);
    left -= part.length;
  }
  return Buffer.concat(parts);
}
