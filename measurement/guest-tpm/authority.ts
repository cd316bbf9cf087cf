import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { EXTENSION } from '../evidence/x509/certificate-fields.ts';
import {
  bitString,
  boolean,
  octetString,
  sequence,
  unsigned,
} from '../evidence/x509/encode-der.ts';
import {
  distinguishedName,
  extensionOf,
  keyIdentifier,
  publicHalf,
  signedCertificate,
} from './certificate-parts.ts';

/** Who vouches, in one boot, for the TPMs that one domain serves. */
export interface VtpmAuthority {
  /** Its self-signed certificate, DER. */
  readonly certificate: Buffer;
  /** ECDSA on P-256. */
  readonly privateKey: KeyObject;
}

/** A new authority, as domB gives it to the vTPM domain: certificate and private key (PKCS #8) in DER. */
export interface NewAuthority {
  readonly certificate: Buffer;
  /** SubjectPublicKeyInfo: what is measured. */
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
}

const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';
export const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';

/** Makes an authority that nobody has: its key is made here, and is in nothing but the result. */
export function newAuthority(): NewAuthority {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    certificate: authorityCertificate(privateKey),
    publicKey: publicHalf(privateKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
  };
}

/**
 * The authority from what domB gave.
 * @throws Error for what domB can't have given
 */
export function authorityOf({
  certificate,
  privateKey,
}: Pick<NewAuthority, 'certificate' | 'privateKey'>): VtpmAuthority {
  return {
    certificate,
    privateKey: createPrivateKey({ key: privateKey, type: 'pkcs8', format: 'der' }),
  };
}

/** The name of an authority, of which each key has its own. */
export const authorityName = (publicKey: Buffer): Buffer =>
  distinguishedName(
    [COMMON_NAME, 'domb vTPM authority'],
    [SERIAL_NUMBER, keyIdentifier(publicKey).toString('hex')],
  );

function authorityCertificate(privateKey: KeyObject): Buffer {
  const publicKey = publicHalf(privateKey);
  const name = authorityName(publicKey);
  const extensions = [
    // An authority over keys and over no further authorities.
    extensionOf(
      EXTENSION.basicConstraints,
      sequence(boolean(true), unsigned(Buffer.from([0]))),
      true,
    ),
    // keyCertSign. RFC 5280, 4.2.1.3.
    extensionOf(EXTENSION.keyUsage, bitString(Buffer.from([0x04]), 2), true),
    extensionOf(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(publicKey))),
  ];
  return signedCertificate({ issuer: name, subject: name, publicKey, extensions }, privateKey);
}
