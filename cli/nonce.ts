import { UsageError } from './command.ts';

/** What TPM2_Quote takes as qualifying data at most. TPM 2.0 Library, Part 2, TPM2B_DATA. */
const LONGEST = 64;

/**
 * The nonce that --nonce gives.
 * @throws {@link UsageError} when it is none
 */
export function nonceOf(hex: string): Buffer {
  if (!/^([0-9a-fA-F]{2})+$/.test(hex) || hex.length > 2 * LONGEST) {
    throw new UsageError(
      '--nonce is not 1 to 64 bytes in hex',
      'make one with "openssl rand -hex 32"',
    );
  }
  return Buffer.from(hex, 'hex');
}
