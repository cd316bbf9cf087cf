import type { HashAlgorithm } from 'node-tpm2-pts';

/** What attestation keys sign with, unless somebody made another kind. */
const AK_HASH = 'sha256';

/**
 * The banks in the order in which they are quoted: the attestation key's own hash comes last. Of several banks keylime sees the
 * values of the last one, and takes them for that hash's (measurement/keylime/).
 */
export function quotedOrder(banks: readonly HashAlgorithm[]): HashAlgorithm[] {
  const others = banks.filter((bank) => bank !== AK_HASH);
  return banks.includes(AK_HASH) ? [...others, AK_HASH] : others;
}
