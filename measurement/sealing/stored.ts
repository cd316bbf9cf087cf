import { hashAlgorithms, hashSize, type PcrValues } from 'node-tpm2-pts';
import { canonicalJson } from '../canonical-json.ts';
import { MeasurementError } from '../errors.ts';

/** A JSON file of sealing: its members, checked one by one by who reads them. */
export type Members = Record<string, unknown>;

/** Bytes; larger files are not read. */
export const MAX_STORED_SIZE = 64 * 1024;
/** Of a label: a policyRef is at most as long as the shortest digest that a TPM must have. Part 2, TPM2B_NONCE. */
const LABEL = /^[\x20-\x7e]{0,32}$/;

/** The file of a kind, in canonical JSON. */
export function storedFile(format: string, version: number, members: Members): string {
  return `${canonicalJson({ format, version, ...members })}\n`;
}

/**
 * The members of what {@link storedFile} wrote.
 * @throws {MeasurementError} for anything else, also for other members than `names`
 */
export function readStored(
  bytes: Uint8Array,
  { format, version, names }: { format: string; version: number; names: readonly string[] },
): Members {
  const value = parse(bytes, format);
  if (value.format !== format) throw damaged(`it is no ${format}`);
  if (value.version !== version) {
    throw damaged(`version ${JSON.stringify(value.version)}, only ${version} is known`);
  }
  const other = Object.keys(value).find(
    (name) => name !== 'format' && name !== 'version' && !names.includes(name),
  );
  if (other !== undefined) throw damaged(`unknown member ${JSON.stringify(other)}`);
  return value;
}

/** PCR values as they are stored: hex by PCR, under their bank. */
export function storedValues(values: PcrValues): object {
  return Object.fromEntries(
    [...values].map(([bank, byPcr]) => [
      bank,
      Object.fromEntries([...byPcr].map(([pcr, value]) => [pcr, value.toString('hex')])),
    ]),
  );
}

/** Reads {@link storedValues} of one bank. */
export function readStoredValues(stored: unknown): PcrValues {
  const [[name, byPcr] = ['', undefined], ...others] = isMembers(stored)
    ? Object.entries(stored)
    : [];
  const bank = hashAlgorithms.find((known) => known === name);
  if (bank === undefined || !isMembers(byPcr) || others.length > 0) {
    throw damaged('pcrs is not of one bank');
  }
  const values = Object.entries(byPcr).map(([pcr, hex]): [number, Buffer] => {
    if (!/^(0|1?[1-9]|10|2[0-3])$/.test(pcr)) throw damaged(`${JSON.stringify(pcr)} is no PCR`);
    const value = readHex(hex, `PCR ${pcr}`);
    if (value.length !== hashSize(bank)) throw damaged(`PCR ${pcr} is no value of ${bank}`);
    return [Number(pcr), value];
  });
  if (values.length === 0) throw damaged('pcrs is empty');
  return new Map([[bank, new Map(values)]]);
}

/** A text of printable ASCII. */
export function readSourceName(value: unknown, name: string): string {
  if (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)) return value;
  throw damaged(`${name} is no text`);
}

/** The label of approvals, which may be empty. */
export function readLabel(value: unknown): string {
  if (isLabel(value)) return value;
  throw damaged('label is no label');
}

/** Whether it is printable ASCII of 32 characters at most. */
export function isLabel(value: unknown): value is string {
  return typeof value === 'string' && LABEL.test(value);
}

/** Bytes that are stored in hex. */
export function readHex(value: unknown, name: string): Buffer {
  if (typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value)) return Buffer.from(value, 'hex');
  throw damaged(`${name} is not in hex`);
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with a stored file. */
export function damaged(what: string): MeasurementError {
  return new MeasurementError(
    `damaged, or another kind of file: ${what}`,
    'take it from where it was made',
  );
}

function parse(bytes: Uint8Array, format: string): Members {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isMembers(value)) return value;
  } catch {
    // Said below.
  }
  throw damaged(`it is no ${format}`);
}
