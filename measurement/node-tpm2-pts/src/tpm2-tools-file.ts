import { hashId } from './algorithms.ts';
import type { PcrValues } from './commands/pcr.ts';

/** Sizes of the TSS structures that tpm2-tools 5 writes as they are in memory, little-endian. */
const MAX_SELECTIONS = 16;
const SELECTION_SIZE = 8; // hash u16, sizeofSelect u8, pcrSelect[4], one byte of padding
const DIGESTS_PER_LIST = 8;
const DIGEST_SIZE = 66; // size u16, buffer[64]

/**
 * PCR values in the file format `serialized` of `tpm2_quote -o`, for `tpm2_checkquote -f`. (Raw values with `-l` would be
 * simpler, but tpm2_checkquote 5.4 fails on them from 8 values on.)
 */
export function tpm2ToolsPcrFile(values: PcrValues): Buffer {
  const selections = Buffer.alloc(4 + MAX_SELECTIONS * SELECTION_SIZE);
  selections.writeUInt32LE(values.size, 0);
  for (const [index, [bank, pcrs]] of [...values].entries()) {
    const at = 4 + index * SELECTION_SIZE;
    selections.writeUInt16LE(hashId(bank), at);
    selections.writeUInt8(3, at + 2);
    const bits = [...pcrs.keys()].reduce((sum, pcr) => sum | (1 << pcr), 0);
    selections.writeUInt32LE(bits, at + 3);
  }
  const flat = [...values.values()].flatMap((pcrs) =>
    [...pcrs].sort(([a], [b]) => a - b).map(([, value]) => value),
  );
  const lists: Buffer[] = [];
  for (let i = 0; i < flat.length; i += DIGESTS_PER_LIST) {
    lists.push(digestList(flat.slice(i, i + DIGESTS_PER_LIST)));
  }
  const count = Buffer.alloc(4);
  count.writeUInt32LE(lists.length);
  return Buffer.concat([selections, count, ...lists]);
}

function digestList(values: readonly Buffer[]): Buffer {
  const list = Buffer.alloc(4 + DIGESTS_PER_LIST * DIGEST_SIZE);
  list.writeUInt32LE(values.length, 0);
  for (const [index, value] of values.entries()) {
    const at = 4 + index * DIGEST_SIZE;
    list.writeUInt16LE(value.length, at);
    value.copy(list, at + 2);
  }
  return list;
}
