import { digest, type HashAlgorithm, pcrExtend, type Tpm } from 'node-tpm2-pts';
import { encodeCap, type Target } from './encode.ts';
import { MeasurementError } from './errors.ts';

/** A lost command may have been a passing disturbance; what a broken TPM loses three times it will lose again. */
const TRIES = 3;

/**
 * Extends an error and the cap into the PCR without writing them into a log: for a log that is broken, or that says
 * that all is well. From then on the PCR matches neither a prediction nor a log, and nobody can extend it to a value that
 * does. An extend may happen twice, when its answer was lost; that changes nothing of this.
 */
export async function spoilPcr(tpm: Tpm, target: Target, what: string): Promise<void> {
  for (const part of [Buffer.from(`domb: the boot failed: ${what}`), encodeCap(target).data]) {
    const digests = new Map<HashAlgorithm, Buffer>(
      target.banks.map((bank) => [bank, digest(bank, part)]),
    );
    await extend(tpm, target.pcr, digests);
  }
}

async function extend(tpm: Tpm, pcr: number, digests: ReadonlyMap<HashAlgorithm, Buffer>) {
  for (let left = TRIES; ; left--) {
    try {
      return await pcrExtend(tpm, pcr, digests);
    } catch (cause) {
      if (left > 1) continue;
      throw new MeasurementError(
        `${tpm.description}: PCR ${pcr} cannot be capped: ${(cause as Error).message}`,
        'reset the machine: the PCR may still hold what a good boot has measured so far',
        { cause },
      );
    }
  }
}
