import { digest, type HashAlgorithm, hashSize } from './algorithms.ts';
import { Writer } from './codec/writer.ts';
import { COMMAND_CODES } from './command-codes.ts';
import type { PcrValues } from './commands/pcr.ts';
import { type PcrSelection, writePcrSelections } from './structures/pcr-selection.ts';

/** The PCRs that `values` has values of, banks in its order, PCRs ascending: the order in which a TPM hashes them. */
export function selectionOf(values: PcrValues): PcrSelection[] {
  return [...values].map(([bank, pcrs]) => ({
    bank,
    pcrs: [...pcrs.keys()].sort((a, b) => a - b),
  }));
}

/** The digest of PCR values that quotes sign and policies demand. Part 1, "Selecting multiple PCR". */
export function pcrDigest(values: PcrValues, hash: HashAlgorithm = 'sha256'): Buffer {
  const flat = selectionOf(values).flatMap(({ bank, pcrs }) =>
    pcrs.map((pcr) => values.get(bank)?.get(pcr) as Buffer),
  );
  return digest(hash, ...flat);
}

/**
 * The policy digest that TPM2_PolicyPCR makes of these values, computed without a TPM: data can be sealed to a platform
 * state that was predicted and has not been reached yet. TPM 2.0 Library, Part 3, 23.7.
 */
export function pcrPolicyDigest(values: PcrValues, hash: HashAlgorithm = 'sha256'): Buffer {
  const command = new Writer().u32(COMMAND_CODES.PolicyPCR);
  writePcrSelections(command, selectionOf(values));
  return digest(hash, Buffer.alloc(hashSize(hash)), command.toBuffer(), pcrDigest(values, hash));
}
