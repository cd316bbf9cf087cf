import type { Smbios } from '../../../boot-scripts/api.ts';

/** SMBIOS 3.7, 7.1 and 7.2: where in the structure the number of each string stands. */
const BIOS = { type: 0, vendor: 4, version: 5, date: 8 } as const;
const SYSTEM = { type: 1, vendor: 4, product: 5, version: 6, serial: 7, uuid: 8 } as const;
const END = 127;
const HEADER = 4;
/** No firmware has as many structures; a table that goes on is not believed. */
const MOST = 4096;

interface Structure {
  readonly type: number;
  readonly formatted: Buffer;
  readonly strings: readonly string[];
}

/**
 * What SMBIOS says of machine and firmware.
 * @param table the structure table, as Linux has it in /sys/firmware/dmi/tables/DMI
 * @returns undefined where it says nothing of the machine
 */
export function readSmbios(table: Buffer): Smbios | undefined {
  const structures = [...structuresIn(table)];
  const system = structures.find(({ type }) => type === SYSTEM.type);
  if (system === undefined) return undefined;
  const bios = structures.find(({ type }) => type === BIOS.type);
  return {
    vendor: text(system, SYSTEM.vendor),
    product: text(system, SYSTEM.product),
    version: text(system, SYSTEM.version),
    serial: text(system, SYSTEM.serial),
    uuid: uuid(system.formatted.subarray(SYSTEM.uuid, SYSTEM.uuid + 16)),
    bios: {
      vendor: text(bios, BIOS.vendor),
      version: text(bios, BIOS.version),
      date: text(bios, BIOS.date),
    },
  };
}

/** SMBIOS 3.7, 6.1: type, length of the formatted part, handle; then strings, each ended by a zero, and one zero more. */
function* structuresIn(table: Buffer): Generator<Structure> {
  let start = 0;
  for (let count = 0; count < MOST && start + HEADER <= table.length; count++) {
    const [type, length] = [table.readUInt8(start), table.readUInt8(start + 1)];
    if (type === END || length < HEADER || start + length > table.length) return;
    // Without strings the two zeros stand there all the same.
    const end = table.indexOf('\0\0', start + length, 'latin1');
    if (end < 0) return;
    const strings = table.toString('latin1', start + length, end).split('\0');
    yield { type, formatted: table.subarray(start, start + length), strings };
    start = end + 2;
  }
}

function text(structure: Structure | undefined, at: number): string {
  const number = structure?.formatted[at] ?? 0;
  const found = number === 0 ? undefined : structure?.strings[number - 1];
  return (found ?? '').replaceAll(/[^\x20-\x7e]/g, '?').trim();
}

/** The first three fields are little-endian. SMBIOS 3.7, 7.2.1. */
function uuid(bytes: Buffer): string {
  if (bytes.length < 16) return '';
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = Buffer.from(order.map((at) => bytes.readUInt8(at))).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
