import { LogReader } from '../../event-log/log-reader.ts';
import { devicePath } from './device-path.ts';
import { guid } from './guid.ts';

/** EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3). Only there do SecureBoot and its like mean what they say. */
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Global variables of one byte that are switches. UEFI 2.10, 3.3. */
const SWITCHES: readonly string[] = ['SecureBoot', 'SetupMode', 'AuditMode', 'DeployedMode'];

/** UEFI_VARIABLE_DATA: whose it is, its name, its contents. PFP 1.05, 10.2.6. */
export interface EfiVariable {
  readonly owner: string;
  readonly name: string;
  readonly data: Buffer;
}

/** @throws {EventLogError} when it is cut off */
export function efiVariable(bytes: Buffer): EfiVariable {
  const reader = new LogReader(bytes);
  const owner = guid(reader.bytes(16, 'GUID'));
  const [characters, size] = [reader.u64('name length'), reader.u64('data length')];
  // Compared before they become numbers: a length may be any 64 bits.
  const left = BigInt(reader.remaining);
  if (characters * 2n > left || characters * 2n + size > left) {
    throw reader.error(`a name of ${characters} characters and ${size} bytes are cut off`);
  }
  const name = reader.bytes(Number(characters) * 2, 'name').toString('utf16le');
  return { owner, name, data: reader.bytes(Number(size), 'data') };
}

/** A variable in a line: its name, and what it says where that is known. */
export function describeVariable(bytes: Buffer): string {
  const { owner, name, data } = efiVariable(bytes);
  const what = `${name}: ${contents(name, owner, data)}`;
  return owner === GLOBAL || !SWITCHES.includes(name) ? what : `${what}, owner ${owner}`;
}

function contents(name: string, owner: string, data: Buffer): string {
  if (data.length === 0) return 'empty';
  if (owner === GLOBAL && data.length === 1 && SWITCHES.includes(name)) {
    return data[0] === 1 ? 'on' : data[0] === 0 ? 'off' : `${data[0]}`;
  }
  if (/^(BootOrder|DriverOrder)$/.test(name) && data.length % 2 === 0) return order(data);
  if (/^(Boot|Driver)[0-9A-F]{4}$/.test(name)) return loadOption(data);
  return size(data);
}

const size = ({ length }: Buffer): string => (length === 1 ? '1 byte' : `${length} bytes`);

function order(data: Buffer): string {
  const numbers = Array.from({ length: data.length / 2 }, (_, i) => data.readUInt16LE(2 * i));
  return numbers.map((number) => number.toString(16).toUpperCase().padStart(4, '0')).join(' ');
}

/** EFI_LOAD_OPTION: attributes, length of the path, description, path, optional data. UEFI 2.10, 3.1.3. */
function loadOption(data: Buffer): string {
  const reader = new LogReader(data);
  reader.u32('attributes');
  const length = reader.u16('path length');
  const description = untilZero(reader);
  const path = devicePath(reader.bytes(length, 'path'));
  return path === '' ? description : `${description}, ${path}`;
}

function untilZero(reader: LogReader): string {
  let text = '';
  for (;;) {
    const unit = reader.u16('description');
    if (unit === 0) return text;
    text += String.fromCharCode(unit);
  }
}

/** UEFI_IMAGE_LOAD_EVENT: place and length in memory, link address, device path. PFP 1.05, 10.2.3. */
export function describeImageLoad(bytes: Buffer): string {
  const reader = new LogReader(bytes);
  reader.bytes(24, 'location, length and link address');
  const length = reader.u64('path length');
  if (length > BigInt(reader.remaining)) throw reader.error(`a path of ${length} bytes is cut off`);
  return devicePath(reader.bytes(Number(length), 'path')) || 'no path';
}

/** UEFI_PLATFORM_FIRMWARE_BLOB: where in memory, and how long. PFP 1.05, 10.2.5. */
export function describeBlob(bytes: Buffer): string {
  const reader = new LogReader(bytes);
  const [base, length] = [reader.u64('base'), reader.u64('length')];
  return `${length} bytes at 0x${base.toString(16)}`;
}

/** Both kinds of named blob begin with a description: its size in one byte, then its text. PFP 1.05, 10.2.5. */
export function describeNamedBlob(bytes: Buffer): string {
  const reader = new LogReader(bytes);
  return reader.bytes(reader.u8('size'), 'description').toString('latin1').replace(/\0+$/, '');
}

/** UEFI_GPT_DATA: the partition table's header, then the number of partitions in use. PFP 1.05, 10.2.7. */
export function describeGpt(bytes: Buffer): string {
  const reader = new LogReader(bytes);
  const header = reader.bytes(92, 'header');
  const count = reader.u64('number of partitions');
  return `disk ${guid(header.subarray(56, 72))}, ${count} partitions`;
}
