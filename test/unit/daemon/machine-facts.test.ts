import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listPci } from '../../../daemon/run/facts/pci.ts';
import { readSmbios } from '../../../daemon/run/facts/smbios.ts';

/** A structure of SMBIOS: type, the formatted part after the header, strings. */
function structure(type: number, formatted: number[], ...strings: string[]): Buffer {
  const header = [type, 4 + formatted.length, 0, 0];
  const texts = strings.length > 0 ? strings.map((text) => `${text}\0`).join('') : '\0';
  return Buffer.concat([
    Buffer.from([...header, ...formatted]),
    Buffer.from(`${texts}\0`, 'latin1'),
  ]);
}

const uuid = Buffer.from('33221100554477668899aabbccddeeff', 'hex');
const bios = structure(0, [1, 2, 0, 0, 3], 'SeaBIOS', '1.16.2', '04/01/2014');
const system = structure(1, [1, 2, 3, 4, ...uuid], 'Maker ', 'Box\x1b[2J', 'v1', 'S-17');
const end = structure(127, []);

describe('SMBIOS', () => {
  test('machine and firmware are read, whatever stands between', () => {
    const table = Buffer.concat([
      bios,
      structure(4, [1, 2], 'CPU'),
      structure(32, []),
      system,
      end,
    ]);
    assert.deepEqual(readSmbios(table), {
      ...{ vendor: 'Maker', product: 'Box?[2J', version: 'v1', serial: 'S-17' },
      uuid: '00112233-4455-6677-8899-aabbccddeeff',
      bios: { vendor: 'SeaBIOS', version: '1.16.2', date: '04/01/2014' },
    });
  });

  test('what is left out is empty; without a system there is nothing', () => {
    const short = structure(1, [0, 1, 9, 0], 'Box');
    assert.deepEqual(readSmbios(Buffer.concat([short, end])), {
      ...{ vendor: '', product: 'Box', version: '', serial: '', uuid: '' },
      bios: { vendor: '', version: '', date: '' },
    });
    assert.equal(readSmbios(Buffer.concat([bios, end, system])), undefined);
    assert.equal(readSmbios(Buffer.alloc(0)), undefined);
  });

  test('no table of bytes breaks it', () => {
    const table = Buffer.concat([bios, system, end]);
    for (let cut = 0; cut < table.length; cut++) readSmbios(table.subarray(0, cut));
    for (let at = 0; at < table.length; at++) {
      for (const byte of [0, 1, 127, 255]) {
        const changed = Buffer.from(table);
        changed[at] = byte;
        readSmbios(changed);
      }
    }
  });
});

const BASE = 0xb000_0000;

/** ACPI's MCFG with these windows: segment, first and last bus. */
function mcfg(...windows: [segment: number, first: number, last: number, base?: number][]): Buffer {
  const table = Buffer.alloc(44 + 16 * windows.length);
  for (const [index, [segment, first, last, base = BASE]] of windows.entries()) {
    const at = 44 + 16 * index;
    table.writeBigUInt64LE(BigInt(base), at);
    table.writeUInt16LE(segment, at + 8);
    table.writeUInt8(first, at + 10);
    table.writeUInt8(last, at + 11);
  }
  return table;
}

interface Function {
  bus: number;
  device: number;
  number?: number;
  id: number;
  class: number;
  header?: number;
  behind?: number;
}

/** Configuration space with these functions; reads that are none of a header are refused. */
function space(...functions: Function[]) {
  const words = new Map<number, number>();
  const reads: number[] = [];
  for (const { bus, device, number = 0, id, class: code, header = 0, behind = 0 } of functions) {
    const at = BASE + bus * 2 ** 20 + device * 2 ** 15 + number * 2 ** 12;
    words
      .set(at, id)
      .set(at + 8, code * 256 + 1)
      .set(at + 12, header * 2 ** 16);
    words.set(at + 0x18, behind * 256 + bus);
  }
  const read = (address: number) => {
    assert.ok([0, 8, 12, 0x18].includes(address % 4096), address.toString(16));
    reads.push(address);
    return words.get(address) ?? 0xffff_ffff;
  };
  return { read, reads };
}

describe('PCI', () => {
  test('devices, functions, and what is behind bridges, in order', () => {
    const { read } = space(
      { bus: 0, device: 0, id: 0x29c0_8086, class: 0x06_0000 },
      { bus: 0, device: 0x1f, id: 0x2918_8086, class: 0x06_0100, header: 0x80 },
      { bus: 0, device: 0x1f, number: 2, id: 0x2922_8086, class: 0x01_0601 },
      { bus: 0, device: 2, id: 0x000c_1b36, class: 0x06_0400, header: 1, behind: 5 },
      { bus: 5, device: 0, id: 0x1000_1af4, class: 0x02_0000 },
    );
    assert.deepEqual(listPci(mcfg([0, 0, 255]), read), [
      { address: '0000:00:00.0', vendor: '8086', device: '29c0', class: '060000' },
      { address: '0000:00:02.0', vendor: '1b36', device: '000c', class: '060400' },
      { address: '0000:00:1f.0', vendor: '8086', device: '2918', class: '060100' },
      { address: '0000:00:1f.2', vendor: '8086', device: '2922', class: '010601' },
      { address: '0000:05:00.0', vendor: '1af4', device: '1000', class: '020000' },
    ]);
  });

  test('a root bus that no bridge leads to is found; a bus is looked at once', () => {
    const { read, reads } = space(
      { bus: 0x80, device: 3, id: 0x2034_8086, class: 0x06_0400, header: 1, behind: 0x81 },
      { bus: 0x81, device: 0, id: 1, class: 0x02_0000 },
      // A bridge that leads back, or out of the window, leads nowhere.
      { bus: 0x81, device: 1, id: 2, class: 0x06_0400, header: 1, behind: 0x80 },
      { bus: 0x81, device: 2, id: 3, class: 0x06_0400, header: 1, behind: 0xc0 },
    );
    const found = listPci(mcfg([1, 0, 0x8f]), read).map(({ address }) => address);
    assert.deepEqual(found, ['0001:80:03.0', '0001:81:00.0', '0001:81:01.0', '0001:81:02.0']);
    assert.equal(new Set(reads).size, reads.length);
    assert.ok(reads.every((address) => address < BASE + 0x90 * 2 ** 20));
  });

  test('a table that is cut off or says nonsense gives nothing', () => {
    const { read } = space({ bus: 0, device: 0, id: 1, class: 0 });
    assert.deepEqual(listPci(Buffer.alloc(10), read), []);
    assert.deepEqual(listPci(mcfg([0, 0, 0]).subarray(0, 59), read), []);
    assert.deepEqual(listPci(mcfg([0, 5, 4], [0, 0, 1, 0], [0, 0, 1, 0x1234]), read), []);
  });
});
