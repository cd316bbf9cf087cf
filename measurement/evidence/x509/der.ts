/** One value as ASN.1's distinguished encoding rules have it. ITU-T X.690, 8.1 and 10. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** All of it, from the identifier octet on. */
  readonly raw: Buffer;
}

/** Bytes that are no DER, or another type than the one that belongs there. */
export class DerError extends Error {
  override name = 'DerError';
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * The elements that follow each other in `bytes`, to the last byte. Lengths are definite and as short as can be, and tag
 * numbers below 31: X.509 has no others.
 * @throws DerError
 */
export function readDer(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; at += elements.at(-1)?.raw.length ?? 0) {
    elements.push(elementAt(bytes, at));
  }
  return elements;
}

/** The element that `bytes` begin with, whatever follows. @throws DerError */
export function firstElement(bytes: Buffer): DerElement {
  return elementAt(bytes, 0);
}

function elementAt(bytes: Buffer, at: number): DerElement {
  const tag = byteAt(bytes, at);
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number above 30');
  const first = byteAt(bytes, at + 1);
  const long = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || long > 4) throw new DerError('a length that DER does not have');
  const start = at + 2 + long;
  if (start > bytes.length) throw new DerError('cut off');
  const length = long === 0 ? first : bytes.readUIntBE(at + 2, long);
  if (long > 0 && (length < 0x80 || byteAt(bytes, at + 2) === 0)) {
    throw new DerError('a length that is longer than need be');
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('cut off');
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(at, end) };
}

/** The content of `element`, which must have this tag. */
export function contentOf(element: DerElement | undefined, tag: number): Buffer {
  if (element?.tag !== tag) {
    throw new DerError(`tag ${element?.tag.toString(16) ?? 'none'} instead of ${tag.toString(16)}`);
  }
  return element.content;
}

/** What is in `element`, which must be constructed and have this tag. */
export function partsOf(element: DerElement | undefined, tag: number): DerElement[] {
  return readDer(contentOf(element, tag));
}

/** The one element that `bytes` are. */
export function onlyElement(bytes: Buffer): DerElement {
  const [element, ...more] = readDer(bytes);
  if (element === undefined || more.length > 0) throw new DerError('not one element');
  return element;
}

/** An object identifier in dotted form. X.690, 8.19. */
export function oidOf(element: DerElement | undefined): string {
  const bytes = contentOf(element, DER.oid);
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of bytes) {
    number = (number << 7n) | BigInt(byte & 0x7f);
    if (byte & 0x80) continue;
    numbers.push(number);
    number = 0n;
  }
  const [first, ...rest] = numbers;
  if (first === undefined || byteAt(bytes, bytes.length - 1) & 0x80) throw new DerError('no OID');
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [root, first - root * 40n, ...rest].join('.');
}

/** TRUE or FALSE. FALSE should be left out where it is the default; some issuers write it. */
export function booleanOf(element: DerElement | undefined): boolean {
  const content = contentOf(element, DER.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
    throw new DerError('a boolean that is neither');
  }
  return content[0] === 0xff;
}

/** A whole number that is not negative and small enough to be counted with. */
export function countOf(element: DerElement | undefined): number {
  const content = contentOf(element, DER.integer);
  if (content.length === 0 || content.length > 6 || byteAt(content, 0) & 0x80) {
    throw new DerError('a count that is negative or too large');
  }
  return content.readUIntBE(0, content.length);
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new DerError('cut off');
  return byte;
}
