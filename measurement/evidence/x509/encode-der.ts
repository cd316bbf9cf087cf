import { DER } from './der.ts';

/** ASN.1's distinguished encoding rules, as far as certificates need them: what der.ts reads. ITU-T X.690, 8 and 10. */

/** One element: identifier octet, length in as few bytes as can be, content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer =>
  element(DER.sequence, ...parts);

/** A SET OF one, which needs no order. */
export const setOfOne = (part: Uint8Array): Buffer => element(DER.set, part);

/** A whole number that is not negative, from its bytes, the most significant first. */
export function unsigned(bytes: Uint8Array): Buffer {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first++;
  const short = bytes.subarray(first);
  // One that begins with a set bit would be negative.
  const sign = (short[0] ?? 0) & 0x80 ? Buffer.alloc(1) : Buffer.alloc(0);
  return element(DER.integer, sign, short);
}

export const boolean = (value: boolean): Buffer =>
  element(DER.boolean, Buffer.from([value ? 0xff : 0]));

export const octetString = (bytes: Uint8Array): Buffer => element(DER.octetString, bytes);

/** BIT STRING of whole bytes, or of the named bits that `unused` leaves. */
export const bitString = (bytes: Uint8Array, unused = 0): Buffer =>
  element(0x03, Buffer.from([unused]), bytes);

export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text));

/** An object identifier from its dotted form; numbers may be of any size. X.690, 8.19. */
export function oid(dotted: string): Buffer {
  const [root = 0n, first = 0n, ...rest] = dotted.split('.').map(BigInt);
  const bytes = [root * 40n + first, ...rest].flatMap((number) => {
    const groups = [Number(number & 0x7fn)];
    for (let left = number >> 7n; left > 0n; left >>= 7n) {
      groups.unshift(Number(left & 0x7fn) | 0x80);
    }
    return groups;
  });
  return element(DER.oid, Buffer.from(bytes));
}

/** UTCTime, until 2049, as `YYMMDDHHMMSSZ`; GeneralizedTime with four digits of the year. RFC 5280, 4.1.2.5. */
export const time = (text: string): Buffer =>
  element(text.length === 13 ? 0x17 : 0x18, Buffer.from(text, 'latin1'));
