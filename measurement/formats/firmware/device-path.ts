import { EventLogError } from '../../event-log/format.ts';
import { LogReader } from '../../event-log/log-reader.ts';
import { guid } from './guid.ts';

/** No device path has more nodes; a text that were longer helps nobody. */
const MOST_NODES = 32;

const END = 0x7f;

/**
 * An EFI device path as text, in the words of the UEFI specification 2.10, 10.6.1.6 ("Text Device Node Reference"), with `/` in file
 * paths. Nodes of other kinds come out as `Path(type,subtype)`.
 * @throws {EventLogError} when it is cut off
 */
export function devicePath(bytes: Uint8Array): string {
  const reader = new LogReader(bytes);
  const nodes: string[] = [];
  while (reader.remaining > 0 && nodes.length < MOST_NODES) {
    const type = reader.u8('node type');
    const subtype = reader.u8('node subtype');
    const length = reader.u16('node length');
    if (length < 4) throw reader.error(`a node of ${length} bytes`);
    const data = reader.bytes(length - 4, 'node');
    if (type === END) break;
    nodes.push(node(type, subtype, data));
  }
  return nodes.join('/').replaceAll(/\/{2,}/g, '/');
}

function node(type: number, subtype: number, data: Buffer): string {
  try {
    const text = NODES.get((type << 8) | subtype)?.(new LogReader(data));
    if (text !== undefined) return text;
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
  }
  return `Path(${type},${subtype})`;
}

const hex = (value: number | bigint): string => `0x${value.toString(16).toUpperCase()}`;

/** The nodes that boot paths are made of, by type and subtype. */
const NODES: ReadonlyMap<number, (data: LogReader) => string> = new Map([
  [
    0x0101, // Hardware: PCI
    (data) => {
      const [fn, device] = [data.u8('function'), data.u8('device')];
      return `Pci(${hex(device)},${hex(fn)})`;
    },
  ],
  [
    0x0103, // Hardware: memory mapped
    (data) => {
      data.u32('memory type');
      const range = [data.u64('start'), data.u64('end')].map(hex);
      return `MemoryMapped(${range.join(',')})`;
    },
  ],
  [0x0104, (data) => `VenHw(${guid(data.bytes(16, 'GUID'))})`],
  [
    0x0201, // ACPI
    (data) => {
      const [hid, uid] = [data.u32('HID'), data.u32('UID')];
      // EISA identifiers, UEFI 2.10, 10.3.3: PNP0A03 and PNP0A08 are PCI root bridges.
      if (hid === 0x0a0341d0) return `PciRoot(${hex(uid)})`;
      if (hid === 0x0a0841d0) return `PcieRoot(${hex(uid)})`;
      return `Acpi(${hex(hid)},${hex(uid)})`;
    },
  ],
  [0x0302, (data) => `Scsi(${hex(data.u16('target'))},${hex(data.u16('LUN'))})`],
  [
    0x0305, // Messaging: USB
    (data) => `USB(${hex(data.u8('port'))},${hex(data.u8('interface'))})`,
  ],
  [
    0x0312, // Messaging: SATA
    (data) =>
      `Sata(${[data.u16('port'), data.u16('multiplier'), data.u16('LUN')].map(hex).join(',')})`,
  ],
  [
    0x0317, // Messaging: NVMe namespace
    (data) => {
      const namespace = data.u32('namespace');
      const eui = [...data.bytes(8, 'EUI-64')].map((byte) => byte.toString(16).padStart(2, '0'));
      return `NVMe(${hex(namespace)},${eui.reverse().join('-').toUpperCase()})`;
    },
  ],
  [0x030b, (data) => `MAC(${data.bytes(32, 'address').subarray(0, 6).toString('hex')})`],
  [0x030a, (data) => `VenMsg(${guid(data.bytes(16, 'GUID'))})`],
  [
    0x0401, // Media: hard drive
    (data) => {
      const partition = data.u32('partition');
      data.bytes(16, 'start and size');
      const signature = data.bytes(16, 'signature');
      const format = data.u8('format');
      return format === 2
        ? `HD(${partition},GPT,${guid(signature)})`
        : `HD(${partition},MBR,${hex(signature.readUInt32LE(0))})`;
    },
  ],
  [0x0402, (data) => `CDROM(${hex(data.u32('boot entry'))})`],
  [
    0x0404, // Media: file path; its backslashes would come out doubled where texts are escaped
    (data) =>
      data
        .bytes(data.remaining, 'file path')
        .toString('utf16le')
        .replace(/\0.*$/s, '')
        .replaceAll('\\', '/'),
  ],
  [0x0406, (data) => `FvFile(${guid(data.bytes(16, 'GUID'))})`],
  [
    0x0408, // Media: a range of the device, such as an option ROM
    (data) => {
      data.u32('reserved');
      return `Offset(${hex(data.u64('start'))},${hex(data.u64('end'))})`;
    },
  ],
  [0x0407, (data) => `Fv(${guid(data.bytes(16, 'GUID'))})`],
]);
