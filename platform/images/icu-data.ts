/** Of UDataInfo and what is before it (ICU, unicode/udata.h, "Common data"). */
const HEADER = { size: 0, magic: 2, format: 12 } as const;
const MAGIC = Buffer.from([0xda, 0x27]);
const FORMAT = 'CmnD';
/** Count, then for each item the offsets of its name and of its bytes, from where the count is (ICU, ucmndata.h, UDataOffsetTOC). */
const COUNT_SIZE = 4;
const ENTRY_SIZE = 8;
/** Of an item's bytes. */
const ALIGNMENT = 16;

/** One item of ICU's data. */
interface Item {
  /** With the package before it: "icudt78l/brkitr/root.res". */
  name: string;
  bytes: Buffer;
}

/**
 * ICU's data with some items of it and no others, in the same order. What asks for another one is told that there is none, as in an ICU that was
 * built without it.
 * @param keeps by the name without the package: "brkitr/root.res"
 * @throws Error when the bytes are no such data
 */
export function cutIcuData(data: Buffer, keeps: (name: string) => boolean): Buffer {
  const { header, items } = read(data);
  const kept = items.filter(({ name }) => keeps(name.slice(name.indexOf('/') + 1)));
  const names = Buffer.concat(kept.map(({ name }) => Buffer.from(`${name}\0`, 'latin1')));
  const table = Buffer.alloc(COUNT_SIZE + kept.length * ENTRY_SIZE);
  table.writeUInt32LE(kept.length);
  let nameAt = table.length;
  let at = align(table.length + names.length);
  const bodies: Buffer[] = [Buffer.alloc(at - table.length - names.length)];
  for (const [index, { name, bytes }] of kept.entries()) {
    table.writeUInt32LE(nameAt, COUNT_SIZE + index * ENTRY_SIZE);
    table.writeUInt32LE(at, COUNT_SIZE + index * ENTRY_SIZE + 4);
    nameAt += name.length + 1;
    const padding = Buffer.alloc(align(bytes.length) - bytes.length);
    bodies.push(bytes, padding);
    at += bytes.length + padding.length;
  }
  return Buffer.concat([header, table, names, ...bodies]);
}

function read(data: Buffer): { header: Buffer; items: Item[] } {
  const size = data.readUInt16LE(HEADER.size);
  const magic = data.subarray(HEADER.magic, HEADER.magic + 2);
  const format = data.toString('latin1', HEADER.format, HEADER.format + 4);
  if (!magic.equals(MAGIC) || format !== FORMAT) {
    throw new Error(`no common data of ICU: it has the format "${format}"`);
  }
  const table = data.subarray(size);
  const count = table.readUInt32LE();
  const entries = Array.from({ length: count }, (_, index) => {
    const entry = COUNT_SIZE + index * ENTRY_SIZE;
    const name = table.readUInt32LE(entry);
    return {
      name: table.toString('latin1', name, table.indexOf(0, name)),
      from: table.readUInt32LE(entry + 4),
    };
  });
  const items = entries.map(({ name, from }, index) => ({
    name,
    bytes: table.subarray(from, entries[index + 1]?.from ?? table.length),
  }));
  return { header: data.subarray(0, size), items };
}

const align = (value: number) => Math.ceil(value / ALIGNMENT) * ALIGNMENT;
