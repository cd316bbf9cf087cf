import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SigningKey, signFile } from '../../platform/firmware/sign.ts';

/** Signs an EFI application that is in memory. */
export async function signImage(image: Uint8Array, key: SigningKey): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-sign-'));
  try {
    const [unsigned, signed] = [join(directory, 'unsigned.efi'), join(directory, 'signed.efi')];
    await writeFile(unsigned, image);
    await signFile(unsigned, signed, key);
    return await readFile(signed);
  } finally {
    await rm(directory, { recursive: true });
  }
}
