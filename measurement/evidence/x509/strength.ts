import type { KeyObject } from 'node:crypto';
import { DER, type DerElement, oidOf, onlyElement, partsOf } from './der.ts';

/**
 * Signatures of at least 112 bits of security, as OpenSSL's level 2 and NIST SP 800-57 count them: RSA and ECDSA with SHA-2, and
 * EdDSA. MD5 and SHA-1 are not among them.
 */
const SIGNATURES: ReadonlySet<string> = new Set([
  ...['11', '12', '13', '14'].map((last) => `1.2.840.113549.1.1.${last}`),
  ...['1', '2', '3', '4'].map((last) => `1.2.840.10045.4.3.${last}`),
  '1.3.101.112',
  '1.3.101.113',
]);

/** RSASSA-PSS has its hash among its parameters; SHA-1 is the default. RFC 4055, 3.1. */
const PSS = '1.2.840.113549.1.1.10';
const SHA2 = /^2\.16\.840\.1\.101\.3\.4\.2\.[1-4]$/;

/**
 * Why a signature is not relied on; undefined when it is.
 * @param algorithm AlgorithmIdentifier
 */
export function weakSignature(algorithm: DerElement): string | undefined {
  const [identifier, parameters] = partsOf(algorithm, DER.sequence);
  const oid = oidOf(identifier);
  if (SIGNATURES.has(oid) || (oid === PSS && SHA2.test(pssHash(parameters)))) return undefined;
  return `is signed by a weak or unknown algorithm, ${NAMES[oid] ?? oid}`;
}

const NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'RSA with MD5',
  '1.2.840.113549.1.1.5': 'RSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  [PSS]: 'RSASSA-PSS with another hash than SHA-2',
};

function pssHash(parameters: DerElement | undefined): string {
  const hash = partsOf(parameters, DER.sequence).find(({ tag }) => tag === 0xa0);
  if (hash === undefined) return '';
  return oidOf(partsOf(onlyElement(hash.content), DER.sequence)[0]);
}

const CURVES: ReadonlySet<string | undefined> = new Set([
  'secp224r1',
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]);

/** Why a key is not relied on; undefined when it is. The bounds are those of the signatures. */
export function weakKey(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength < 2048 ? `has an RSA key of ${modulusLength} bits only` : undefined;
    case 'ec':
      return CURVES.has(namedCurve) ? undefined : 'has a key on a curve that is not relied on';
    case 'ed25519':
    case 'ed448':
      return undefined;
    default:
      return 'has a key of an unknown kind';
  }
}
