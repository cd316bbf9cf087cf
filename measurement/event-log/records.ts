import { hashById, hashSize } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogAlgorithm, type LogEvent, SPEC_ID_SIGNATURE } from './format.ts';
import { LogReader } from './log-reader.ts';

/** No TPM has more banks; a header that declares more is not believed. */
const MAX_ALGORITHMS = 16;
/** Largest digest that TPM 2.0 knows, SHA-512. */
const MAX_DIGEST_SIZE = 64;
/** TPM_ALG_SHA1, and the size of its digests. */
const SHA1 = { id: 0x0004, size: 20 };

/** What the first record of a crypto-agile log declares. */
export interface LogHeader {
  /** The register that it names: 0 of a TPM's log, 1 in those of confidential virtual machines. */
  readonly pcr: number;
  readonly algorithms: readonly LogAlgorithm[];
}

/**
 * A TCG_PCR_EVENT: PCR, type, SHA-1 digest, size, data. Each record of the logs before TPM 2.0 is one, and the first record of a
 * crypto-agile log. PFP 10.2.1.
 * @throws {EventLogError} when it is cut off
 */
export function readPcrEvent(reader: LogReader, what = 'event'): LogEvent & { dataAt: number } {
  const pcr = reader.u32(`${what} PCR`);
  const type = reader.u32(`${what} type`);
  const digests = new Map([[SHA1.id, reader.bytes(SHA1.size, `${what} digest`)]]);
  const size = reader.u32(`${what} size`);
  const dataAt = reader.position;
  return { pcr, type, digests, data: reader.bytes(size, `${what} data`), dataAt };
}

/** Whether a first record is the header of a crypto-agile log. */
export function isHeader({ type, data }: LogEvent): boolean {
  const signature = data.subarray(0, SPEC_ID_SIGNATURE.length);
  return type === EVENT_TYPE.NO_ACTION && signature.equals(SPEC_ID_SIGNATURE);
}

/** The first record of a crypto-agile log: a TCG_PCR_EVENT with a TCG_EfiSpecIdEvent. PFP 10.4.5.1. @throws {EventLogError} */
export function readHeader(reader: LogReader): LogHeader {
  const record = readPcrEvent(reader, 'header');
  const data = new LogReader(record.data, record.dataAt);
  const unused = [...record.digests.values()].every((digest) => digest.every((byte) => byte === 0));
  if (record.type !== EVENT_TYPE.NO_ACTION || !unused) {
    throw data.error('the first record is no EV_NO_ACTION event');
  }
  if (!data.bytes(16, 'signature').equals(SPEC_ID_SIGNATURE)) {
    throw data.error('no "Spec ID Event03" signature: this is no crypto-agile log');
  }
  data.bytes(8, 'platform class and version');
  const count = data.u32('number of algorithms');
  if (count === 0 || count > MAX_ALGORITHMS) throw data.error(`${count} algorithms declared`);
  const algorithms: LogAlgorithm[] = [];
  for (let i = 0; i < count; i++) algorithms.push(readAlgorithm(data, algorithms));
  data.bytes(data.u8('vendor info size'), 'vendor info');
  if (data.remaining > 0) throw data.error('the header has bytes after the vendor info');
  return { pcr: record.pcr, algorithms };
}

function readAlgorithm(data: LogReader, before: readonly LogAlgorithm[]): LogAlgorithm {
  const id = data.u16('algorithm');
  const size = data.u16('digest size');
  const name = hashById(id);
  if (before.some((other) => other.id === id)) throw data.error(`algorithm ${hex(id)} twice`);
  if (size === 0 || size > MAX_DIGEST_SIZE || (name && size !== hashSize(name))) {
    throw data.error(`algorithm ${hex(id)} cannot have digests of ${size} bytes`);
  }
  return { id, size, name };
}

/**
 * A TCG_PCR_EVENT2: PCR, type, TPML_DIGEST_VALUES, size, data. PFP 10.2.2.
 * @param sizes of the header's digests in bytes, by TPM_ALG_ID
 * @throws {EventLogError} when it is cut off, or has a digest that the header does not declare
 */
export function readPcrEvent2(reader: LogReader, sizes: ReadonlyMap<number, number>): LogEvent {
  const pcr = reader.u32('PCR');
  const type = reader.u32('event type');
  const count = reader.u32('number of digests');
  if (count > sizes.size) {
    throw reader.error(`${count} digests, the header declares ${sizes.size} algorithms`);
  }
  const digests = new Map<number, Buffer>();
  for (let i = 0; i < count; i++) {
    const id = reader.u16('digest algorithm');
    const size = sizes.get(id);
    if (size === undefined) throw reader.error(`algorithm ${hex(id)} is not in the header`);
    if (digests.has(id)) throw reader.error(`two digests of algorithm ${hex(id)}`);
    digests.set(id, reader.bytes(size, 'digest'));
  }
  const data = reader.bytes(reader.u32('event size'), 'event data');
  return { pcr, type, digests, data };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
