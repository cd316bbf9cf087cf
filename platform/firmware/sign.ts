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
