import { createPublicKey, hash, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  element,
  octetString,
  oid,
  sequence,
  setOfOne,
  time,
  unsigned,
  utf8,
} from '../evidence/x509/encode-der.ts';

/** What a certificate is made of. RFC 5280, 4.1. */
export interface CertificateParts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly extensions: readonly Buffer[];
}

/** ecdsa-with-SHA256. RFC 5758, 3.2. */
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/**
 * What an authority vouches for begins and ends with its boot, which no date says: nobody vouches for the clock of a machine that
 * boots. 99991231235959Z stands for "no date" (RFC 5280, 4.1.2.5).
 */
const VALIDITY = sequence(time('200101000000Z'), time('99991231235959Z'));

/** Bytes; RFC 5280, 4.1.2.2, allows 20. */
const SERIAL_SIZE = 16;

/** A certificate, signed with an ECDSA key, in DER. */
export function signedCertificate(parts: CertificateParts, signer: KeyObject): Buffer {
  const serial = randomBytes(SERIAL_SIZE);
  const toBeSigned = sequence(
    // Version 3.
    element(0xa0, unsigned(Buffer.from([2]))),
    unsigned(serial),
    ECDSA_SHA256,
    parts.issuer,
    VALIDITY,
    parts.subject,
    parts.publicKey,
    element(0xa3, sequence(...parts.extensions)),
  );
  const signature = sign('sha256', toBeSigned, { key: signer, dsaEncoding: 'der' });
  return sequence(toBeSigned, ECDSA_SHA256, bitString(signature));
}

/** An RDNSequence of attributes with text, each in an RDN of its own. */
export const distinguishedName = (
  ...attributes: readonly (readonly [type: string, text: string])[]
): Buffer =>
  sequence(...attributes.map(([type, text]) => setOfOne(sequence(oid(type), utf8(text)))));

export const extensionOf = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));

/** Where key identifiers come from: the first 160 bits of the SHA-256 of the key. RFC 7093, 2, method 4. */
export const keyIdentifier = (publicKey: Buffer): Buffer =>
  hash('sha256', publicKey, 'buffer').subarray(0, 20);

/** SubjectPublicKeyInfo of a private key, DER. */
export const publicHalf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ type: 'spki', format: 'der' });
