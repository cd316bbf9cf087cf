import { hashById, hashId, hashSize } from './algorithms.ts';
import type { PcrValues } from './commands/pcr.ts';
import { TpmFormatError } from './errors.ts';
import { selectionOf } from './policy-digest.ts';

/** Sizes of the TSS structures that tpm2-tools 5 writes as they are in memory, little-endian. */
const MAX_SELECTIONS = 16;
const SELECTION_SIZE = 8; // hash u16, sizeofSelect u8, pcrSelect[4], one byte of padding
const SELECTIONS_SIZE = 4 + MAX_SELECTIONS * SELECTION_SIZE;
const DIGESTS_PER_LIST = 8;
const DIGEST_SIZE = 66; // size u16, buffer[64]
const LIST_SIZE = 4 + DIGESTS_PER_LIST * DIGEST_SIZE;

/**
 * PCR values in the file format `serialized` of `tpm2_quote -o`, for `tpm2_checkquote -f`. (Raw values with `-l` would be
 * simpler, but tpm2_checkquote 5.4 fails on them from 8 values on.)
 */
export function tpm2ToolsPcrFile(values: PcrValues): Buffer {
  const selections = Buffer.alloc(SELECTIONS_SIZE);
  selections.writeUInt32LE(values.size, 0);
  const flat: Buffer[] = [];
  for (const [index, { bank, pcrs }] of selectionOf(values).entries()) {
    const at = 4 + index * SELECTION_SIZE;
    selections.writeUInt16LE(hashId(bank), at);
    selections.writeUInt8(3, at + 2);
    selections.writeUIntLE(
      pcrs.reduce((bits, pcr) => bits | (1 << pcr), 0),
      at + 3,
      3,
    );
    flat.push(...pcrs.map((pcr) => values.get(bank)?.get(pcr) as Buffer));
  }
  const lists: Buffer[] = [];
  for (let i = 0; i < flat.length; i += DIGESTS_PER_LIST) {
    lists.push(digestList(flat.slice(i, i + DIGESTS_PER_LIST)));
  }
  const count = Buffer.alloc(4);
  count.writeUInt32LE(lists.length);
  return Buffer.concat([selections, count, ...lists]);
}

/** PCR values one behind the other, as `tpm2_pcrread -o` writes them, for `tpm2_policypcr -f` with the same selection. */
export function pcrFile(values: PcrValues): Buffer {
  return Buffer.concat(
    selectionOf(values).flatMap(({ bank, pcrs }) =>
      pcrs.map((pcr) => values.get(bank)?.get(pcr) as Buffer),
    ),
  );
}

function digestList(values: readonly Buffer[]): Buffer {
  const list = Buffer.alloc(LIST_SIZE);
  list.writeUInt32LE(values.length, 0);
  for (const [index, value] of values.entries()) {
    const at = 4 + index * DIGEST_SIZE;
    list.writeUInt16LE(value.length, at);
    value.copy(list, at + 2);
  }
  return list;
}

/**
 * Reads what {@link tpm2ToolsPcrFile} wrote. Anything else is refused, also other ways to write the same values: the file
 * must be exactly what these values give.
 */
export function readTpm2ToolsPcrFile(bytes: Buffer): PcrValues {
  const refused = new TpmFormatError('PCR file: not in the form of tpm2_quote -o');
  if (
    bytes.length < SELECTIONS_SIZE + 4 ||
    (bytes.length - SELECTIONS_SIZE - 4) % LIST_SIZE !== 0
  ) {
    throw refused;
  }
  const values: PcrValues = new Map();
  const digestAt = (n: number) =>
    SELECTIONS_SIZE +
    4 +
    Math.floor(n / DIGESTS_PER_LIST) * LIST_SIZE +
    4 +
    (n % DIGESTS_PER_LIST) * DIGEST_SIZE;
  let next = 0;
  for (let i = 0; i < Math.min(bytes.readUInt32LE(0), MAX_SELECTIONS); i++) {
    const at = 4 + i * SELECTION_SIZE;
    const bank = hashById(bytes.readUInt16LE(at));
    if (bank === undefined) throw refused;
    const bits = bytes.readUIntLE(at + 3, 3);
    const pcrs = Array.from({ length: 24 }, (_, pcr) => pcr).filter((pcr) => bits & (1 << pcr));
    const bankValues = new Map<number, Buffer>();
    for (const pcr of pcrs) {
      const start = digestAt(next++) + 2;
      if (start + hashSize(bank) > bytes.length) throw refused;
      bankValues.set(pcr, bytes.subarray(start, start + hashSize(bank)));
    }
    values.set(bank, bankValues);
  }
  if (!tpm2ToolsPcrFile(values).equals(bytes)) throw refused;
  return values;
}
