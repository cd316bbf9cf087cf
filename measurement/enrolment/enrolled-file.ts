import { canonicalJson } from '../canonical-json.ts';
import { MeasurementError } from '../errors.ts';

/** Bytes; a certificate is the largest part. */
export const MAX_ENROLLED_SIZE = 256 * 1024;

/** One of the JSON files of enrolment: its name in it, what members it has, and where it comes from. */
export interface FileForm<T> {
  readonly format: string;
  readonly version: number;
  readonly what: string;
  readonly hint: string;
  /** The value of members that are complete and fit each other; an explanation for others. */
  read(members: Readonly<Record<string, unknown>>): T | string;
}

/** Canonical JSON: there is one text for one value. */
export function enrolledFile<T>({ format, version }: FileForm<T>, members: object): string {
  return `${canonicalJson({ format, version, ...members })}\n`;
}

/**
 * Reads what {@link enrolledFile} wrote.
 * @throws {MeasurementError} for everything else: unknown members, other forms of the same value
 */
export function readEnrolledFile<T>(form: FileForm<T>, bytes: Uint8Array): T {
  const refused = (what: string) => new MeasurementError(`not ${form.what}: ${what}`, form.hint);
  const text = Buffer.from(bytes).toString('latin1');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('it is no JSON');
  }
  if (typeof value !== 'object' || value === null) throw refused('it is no JSON object');
  const { format, version, ...members } = value as Record<string, unknown>;
  if (format !== form.format) throw refused(`it is no ${form.format}`);
  if (version !== form.version) throw refused(`version ${version}, only ${form.version} is known`);
  const read = form.read(members);
  if (typeof read === 'string') throw refused(read);
  if (enrolledFile(form, members) !== text)
    throw refused('it was changed: it is not as it was written');
  return read;
}

export const isHex = (value: unknown): value is string =>
  typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value);

/** A time as Date.toISOString writes it. */
export const isTime = (value: unknown): value is string =>
  typeof value === 'string' &&
  !Number.isNaN(Date.parse(value)) &&
  new Date(value).toISOString() === value;

/** Whether it has these members, and no others. */
export function hasMembers(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const names = Object.keys(value);
  return (
    required.every((name) => names.includes(name)) &&
    names.every((name) => required.includes(name) || optional.includes(name))
  );
}
