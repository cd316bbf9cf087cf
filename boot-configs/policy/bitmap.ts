import type { PolicyReader } from './policy-reader.ts';

/** Bits of one part of a map (ebitmap_read of xen/xsm/flask/ss/ebitmap.c). */
const UNIT = 64;
/** No value is greater: the rules have 16 bits for a type. */
const HIGHEST = 0xffff;

/** The numbers of the bits that are set in an extensible bitmap. */
export function readBits(reader: PolicyReader): number[] {
  if (reader.u32() !== UNIT) reader.fail('the policy has bitmaps of unknown units');
  const end = reader.u32();
  if (end > HIGHEST + 1) reader.fail(`a bitmap of ${end} bits is too large`);
  const bits: number[] = [];
  let least = 0;
  for (let left = reader.count(12); left > 0; left--) {
    const start = reader.u32();
    if (start < least || start % UNIT !== 0 || start >= end) {
      reader.fail(`a part of a bitmap can't start with bit ${start}`);
    }
    least = start + UNIT;
    const map = reader.u64();
    for (let bit = 0; bit < UNIT; bit++) {
      if ((map >> BigInt(bit)) & 1n) bits.push(start + bit);
    }
  }
  return bits;
}

/** The values in an extensible bitmap; bit n stands for the value n + 1. */
export function readValues(reader: PolicyReader): Set<number> {
  return new Set(readBits(reader).map((bit) => bit + 1));
}
