import { type HashAlgorithm, hashById, hashId } from '../algorithms.ts';
import type { Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import { TpmUnsupportedError } from '../errors.ts';

/** PCRs of one bank, in ascending order. */
export interface PcrSelection {
  readonly bank: HashAlgorithm;
  readonly pcrs: readonly number[];
}

/** PC Client TPMs have 24 PCRs and want selections of 3 bytes. TCG PC Client Platform TPM Profile, 4.6. */
const SELECT_SIZE = 3;
/** More banks than any TPM has: HASH_COUNT is 3 to 5 in practice. */
const MAX_BANKS = 16;

/** Writes a TPML_PCR_SELECTION. TPM 2.0 Library, Part 2, 10.9.7 and 10.6.2. */
export function writePcrSelections(to: Writer, selections: readonly PcrSelection[]): void {
  to.list(selections, ({ bank, pcrs }) => {
    const select = Buffer.alloc(SELECT_SIZE);
    for (const pcr of pcrs) {
      if (!Number.isInteger(pcr) || pcr < 0 || pcr >= 8 * SELECT_SIZE) {
        throw new RangeError(`PCR ${pcr}: expected 0 to ${8 * SELECT_SIZE - 1}`);
      }
      select.writeUInt8(select.readUInt8(pcr >> 3) | (1 << (pcr & 7)), pcr >> 3);
    }
    to.u16(hashId(bank)).u8(SELECT_SIZE).bytes(select);
  });
}

/**
 * Reads a TPML_PCR_SELECTION, leaving out banks with an empty bitmap: a TPM lists the banks it could have that way.
 * A bank that is in use with an algorithm not known here is an error, because nobody could extend it.
 */
export function readPcrSelections(from: Reader): PcrSelection[] {
  const selections: PcrSelection[] = [];
  for (let left = from.count('PCR selections', MAX_BANKS); left > 0; left--) {
    const id = from.u16('hash algorithm');
    const select = from.bytes(from.u8('sizeofSelect'), 'pcrSelect');
    const pcrs = [...select].flatMap((byte, i) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => 8 * i + bit),
    );
    if (pcrs.length === 0) continue;
    const bank = hashById(id);
    if (bank === undefined) {
      throw new TpmUnsupportedError(
        `the TPM has an active PCR bank of unknown algorithm 0x${id.toString(16)}`,
        'deactivate this PCR bank in the firmware setup or with tpm2_pcrallocate',
      );
    }
    selections.push({ bank, pcrs });
  }
  return selections;
}
