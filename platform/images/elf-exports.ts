import { fileOffset, type MemoryRange } from './elf-hole.ts';

/** Elf64_Sym and Elf64_Rela (System V ABI, "Symbol Table", "Relocation"). */
const SYMBOL = { name: 0, section: 6, size: 24 } as const;
const RELOCATION = { symbol: 12, size: 24 } as const;
/** Header of .gnu.hash: how many buckets, the first symbol that is found through it, and how many words its filter has. */
const HASH = { buckets: 0, first: 4, filter: 8, header: 16, word: 8, bucket: 4, value: 4 } as const;

/** Where the sections of a program are in its memory, by name. */
export type Sections = ReadonlyMap<string, MemoryRange>;

/**
 * Takes from a program, in place, some of the names that it offers to shared libraries. Whoever asks for one is told that there is none.
 * @param needless for names of C++ only: a name without dots shares its end with none but other symbols
 * @returns how many there were
 */
export function dropExports(
  elf: Buffer,
  sections: Sections,
  needless: (name: string) => boolean,
): number {
  const at = (name: string) => rangeOf(elf, sections, name);
  const [symbols, strings, hashes] = [at('.dynsym'), at('.dynstr'), at('.gnu.hash')];
  // What the loader itself writes to or copies from stays.
  const relocated = new Set(
    [at('.rela.dyn'), at('.rela.plt')].flatMap((range) =>
      Array.from({ length: Math.floor(range.length / RELOCATION.size) }, (_, index) =>
        range.readUInt32LE(index * RELOCATION.size + RELOCATION.symbol),
      ),
    ),
  );
  const dropped: { symbol: Buffer; index: number; name: number }[] = [];
  const kept = new Set<number>();
  for (let index = 0; (index + 1) * SYMBOL.size <= symbols.length; index += 1) {
    const symbol = symbols.subarray(index * SYMBOL.size, (index + 1) * SYMBOL.size);
    const name = symbol.readUInt32LE(SYMBOL.name);
    const text = strings.toString('latin1', name, strings.indexOf(0, name));
    const defined = symbol.readUInt16LE(SYMBOL.section) !== 0;
    if (defined && !relocated.has(index) && /^_Z\w+$/.test(text) && needless(text)) {
      dropped.push({ symbol, index, name });
    } else kept.add(name);
  }
  const first = hashes.readUInt32LE(HASH.first);
  const values =
    HASH.header +
    HASH.word * hashes.readUInt32LE(HASH.filter) +
    HASH.bucket * hashes.readUInt32LE(HASH.buckets);
  for (const { symbol, index, name } of dropped) {
    symbol.fill(0);
    // Names may share their ends.
    for (let byte = name; strings[byte] !== 0 && !kept.has(byte); byte += 1) strings[byte] = 0;
    if (index < first) continue;
    const value = values + HASH.value * (index - first);
    // The lowest bit ends a bucket.
    hashes.writeUInt32LE(hashes.readUInt32LE(value) & 1, value);
  }
  return dropped.length;
}

/** The bytes of a section, to be written to. @throws Error when there is none */
export function rangeOf(elf: Buffer, sections: Sections, name: string): Buffer {
  const range = sections.get(name);
  if (range === undefined) throw new Error(`the program has no section ${name}`);
  const from = fileOffset(elf, range.address);
  return elf.subarray(from, from + Number(range.size));
}

/** Reads what `readelf --section-headers --wide` says. */
export function parseSections(text: string): Sections {
  const line = /^ *\[ *\d+\] (\S+) +\S+ +([0-9a-f]{16}) [0-9a-f]+ ([0-9a-f]+) /gm;
  return new Map(
    [...text.matchAll(line)].map(([, name = '', address, size]) => [
      name,
      { address: BigInt(`0x${address}`), size: BigInt(`0x${size}`) },
    ]),
  );
}
