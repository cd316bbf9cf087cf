import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { TpmFormatError, TpmUnsupportedError } from '../errors.ts';
import type { PublicArea } from './public.ts';

/** Coordinate size of each curve in bytes. */
const COORDINATE_SIZE = { 'P-256': 32, 'P-384': 48 } as const;

/** The public key for node:crypto. @throws {TpmFormatError} for a point that is not on its curve */
export function publicKey({ key }: PublicArea): KeyObject {
  if (key.type === 'keyedhash') {
    throw new TpmUnsupportedError(
      'a sealed object has no public key',
      'pass the public area of a key',
    );
  }
  if (key.type === 'rsa') {
    const exponent = Buffer.alloc(4);
    // Exponent 0 stands for 65537. Part 2, 12.2.3.5.
    exponent.writeUInt32BE(key.exponent || 65537);
    return fromJwk({ kty: 'RSA', n: base64(key.modulus), e: base64(exponent) });
  }
  const size = COORDINATE_SIZE[key.curve];
  const [x, y] = [padded(key.x, size), padded(key.y, size)];
  return fromJwk({ kty: 'EC', crv: key.curve, x: base64(x), y: base64(y) });
}

function fromJwk(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw new TpmFormatError(`public key: ${(cause as Error).message}`, { cause });
  }
}

/** `value` as a big-endian number of exactly `size` bytes: TPMs may leave out leading zeros. */
export function padded(value: Buffer, size: number): Buffer {
  if (value.length > size) {
    throw new TpmUnsupportedError(
      `a number of ${value.length} bytes, expected ${size}`,
      'is the key damaged?',
    );
  }
  return Buffer.concat([Buffer.alloc(size - value.length), value]);
}

function base64(value: Buffer): string {
  return value.toString('base64url');
}
