import { type Input, UsageError } from './command.ts';

/** What TPM2_Quote takes as qualifying data at most. TPM 2.0 Library, Part 2, TPM2B_DATA. */
const LONGEST = 64;

/** The nonce that --nonce gives, if any. */
export function chosenNonce({ values }: Input): Buffer | undefined {
  const hex = values.get('nonce');
  if (hex === undefined) return undefined;
  if (!/^([0-9a-fA-F]{2})+$/.test(hex) || hex.length > 2 * LONGEST) {
    throw new UsageError(
      '--nonce is not 1 to 64 bytes in hex',
      'make one with "openssl rand -hex 32"',
    );
  }
  return Buffer.from(hex, 'hex');
}

/** The same where there must be one. */
export function requiredNonce(input: Input): Buffer {
  const nonce = chosenNonce(input);
  if (nonce !== undefined) return nonce;
  throw new UsageError('a nonce is missing', 'give the one that the verifier made with --nonce');
}
