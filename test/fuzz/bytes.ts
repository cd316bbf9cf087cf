import type { Random } from './random.ts';

/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 2, 0x10, 0x7f, 0x80, 0xff];

/** `bytes` with up to four changes: bits, bytes, whole numbers, pieces dropped, repeated or taken from `other`. */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let left = 1 + random.below(4); left > 0; left--) changed = once(changed, other, random);
  return changed;
}

function once(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(1 << random.below(8)));
  const [head, middle, tail] = [
    bytes.subarray(0, at),
    bytes.subarray(at, end),
    bytes.subarray(end),
  ];
  switch (random.below(8)) {
    case 0:
      return Buffer.from(head);
    case 1:
      return Buffer.concat([head, tail]);
    case 2:
      return Buffer.concat([head, middle, middle, tail]);
    case 3: {
      const from = random.below(other.length + 1);
      return Buffer.concat([head, other.subarray(from, from + middle.length), tail]);
    }
    case 4:
      return Buffer.concat([head, Buffer.alloc(middle.length, random.pick(EDGES)), tail]);
    case 5:
      return Buffer.concat([head, Buffer.of(random.below(256)), tail]);
    case 6:
      return Buffer.concat([head, Buffer.alloc(4, random.pick(EDGES)), bytes.subarray(at + 4)]);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.below(8)), at);
      return copy;
    }
  }
}
