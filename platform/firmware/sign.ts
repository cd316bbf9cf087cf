import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';

/** Files in PEM: a private key without a pass phrase, and the certificate that the machine's firmware has enrolled. */
export interface SigningKey {
  key: string;
  certificate: string;
}

/**
 * Signs the EFI application in `unsigned` for Secure Boot, into `signed`, and checks the signature. The signature holds the time, so
 * signing twice gives different bytes; what firmware measures does not cover it and stays the same.
 */
export async function signFile(
  unsigned: string,
  signed: string,
  { key, certificate }: SigningKey,
): Promise<void> {
  needPackages('sign');
  await runProgram('sbsign', ['--key', key, '--cert', certificate, '--output', signed, unsigned]);
  await runProgram('sbverify', ['--cert', certificate, signed]);
}

/** The same in memory. */
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
