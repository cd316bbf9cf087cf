import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  decodePublic,
  encodePublic,
  encodeSignature,
  type PublicArea,
  publicKey,
  TPMA_OBJECT,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';

const NONE = Buffer.alloc(0);
/** What tpm2_loadexternal gives a key that it reads from PEM: the same key has the same name there. */
const ATTRIBUTES = TPMA_OBJECT.USER_WITH_AUTH | TPMA_OBJECT.DECRYPT | TPMA_OBJECT.SIGN;
const CURVES: Readonly<Record<string, 'P-256' | 'P-384'>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
};

/**
 * The TPMT_PUBLIC of a key in PEM, by which a TPM can check signatures.
 * @throws {MeasurementError} for keys of other kinds than TPMs know
 */
export function approverOf(pem: Uint8Array, source: string): Buffer {
  return encodePublic(
    publicAreaOf(
      parsed(source, () => createPublicKey(Buffer.from(pem))),
      source,
    ),
  );
}

/** The private key in PEM that signs approvals. @throws {MeasurementError} when it is none */
export function approvalKey(pem: Uint8Array, source: string): KeyObject {
  return parsed(source, () => createPrivateKey(Buffer.from(pem)));
}

/** The TPMT_SIGNATURE, with SHA-256, of this private key over `message`. */
export function tpmSignature(key: KeyObject, message: Buffer): Buffer {
  if (key.asymmetricKeyType === 'rsa') {
    const parts = [sign('sha256', message, key)];
    return encodeSignature({ scheme: 'rsassa', hash: 'sha256', parts });
  }
  const joined = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  const half = joined.length / 2;
  const parts = [joined.subarray(0, half), joined.subarray(half)];
  return encodeSignature({ scheme: 'ecdsa', hash: 'sha256', parts });
}

/** Whether a TPMT_PUBLIC is one that {@link approverOf} gives. */
export function isApprover(area: Uint8Array): boolean {
  try {
    const decoded = decodePublic(area);
    const again = publicAreaOf(publicKey(decoded), 'key');
    return encodePublic(again).equals(area);
  } catch {
    return false;
  }
}

function publicAreaOf(key: KeyObject, source: string): PublicArea {
  const { namedCurve = '', modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  const jwk = () => key.export({ format: 'jwk' }) as Record<'x' | 'y' | 'n', string>;
  const curve = CURVES[namedCurve];
  const common = { aesBits: undefined, signing: undefined } as const;
  const area = { nameAlgorithm: 'sha256', attributes: ATTRIBUTES, authPolicy: NONE } as const;
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) {
    const [x, y] = [Buffer.from(jwk().x, 'base64url'), Buffer.from(jwk().y, 'base64url')];
    return { ...area, key: { type: 'ecc', curve, x, y, ...common } };
  }
  const isUsual = publicExponent === 65537n && (modulusLength === 2048 || modulusLength === 3072);
  if (key.asymmetricKeyType === 'rsa' && isUsual) {
    const modulus = Buffer.from(jwk().n, 'base64url');
    return { ...area, key: { type: 'rsa', bits: modulusLength, exponent: 0, modulus, ...common } };
  }
  throw new MeasurementError(
    `${source}: TPMs check no signatures of such a key`,
    'make one of NIST P-256: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256',
  );
}

function parsed(source: string, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch {
    throw new MeasurementError(
      `${source}: no such key in PEM form`,
      'give a key as openssl writes it',
    );
  }
}
