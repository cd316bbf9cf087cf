import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { digest } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';

/** How results are signed with a key. RFC 7518, section 3.1 (ES256, ES384), and RFC 8037, section 3.1 (EdDSA). */
interface JwsAlgorithm {
  readonly name: 'ES256' | 'ES384' | 'EdDSA';
  /** None where the algorithm has its own. */
  readonly digest: 'sha256' | 'sha384' | null;
}

const byCurve: Readonly<Record<string, JwsAlgorithm>> = {
  prime256v1: { name: 'ES256', digest: 'sha256' },
  secp384r1: { name: 'ES384', digest: 'sha384' },
};
const edwards: JwsAlgorithm = { name: 'EdDSA', digest: null };

/** A key for results, ready to sign. */
export interface ResultKey {
  readonly key: KeyObject;
  readonly algorithm: JwsAlgorithm;
}

/**
 * Reads a private key in PEM form: ECDSA on P-256 or P-384, or Ed25519.
 * @throws {MeasurementError} for anything else
 */
export function readResultKey(pem: Buffer, source: string): ResultKey {
  const key = privateKey(pem, source);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const algorithm =
    key.asymmetricKeyType === 'ed25519'
      ? edwards
      : curve === undefined
        ? undefined
        : byCurve[curve];
  if (algorithm !== undefined) return { key, algorithm };
  throw new MeasurementError(
    `${source}: results are not signed with keys of the kind ${curve ?? key.asymmetricKeyType}`,
    'use ECDSA on P-256 or P-384, or Ed25519: openssl genpkey -algorithm ed25519',
  );
}

function privateKey(pem: Buffer, source: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new MeasurementError(
      `${source}: not a private key in PEM form without a passphrase`,
      'make one with openssl genpkey -algorithm ed25519',
    );
  }
}

/** The claims as a JWT: a JWS in compact form. RFC 7519, section 7.1; RFC 7515, section 3.1. */
export function signClaims(
  claims: Readonly<Record<string, unknown>>,
  { key, algorithm }: ResultKey,
): string {
  const header = { alg: algorithm.name, typ: 'JWT', kid: thumbprint(key) };
  const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  // RFC 7518, section 3.4: both numbers in full length, not DER.
  const signature = sign(algorithm.digest, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** A name for the key by which its readers find it. RFC 7638, section 3: the required members alone, in order. */
function thumbprint(key: KeyObject): string {
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' });
  return digest('sha256', Buffer.from(JSON.stringify({ crv, kty, x, y }))).toString('base64url');
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
