import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  decodePublic,
  type EkType,
  ekTemplate,
  encodePublic,
  type PublicArea,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';

/** Which template a certified key belongs to: TCG EK Credential Profile 2.5, B.3 and B.4. */
const TYPES: readonly EkType[] = ['rsa-2048', 'ecc-p256', 'ecc-p384'];
const CURVES: Readonly<Record<string, EkType>> = { 'P-256': 'ecc-p256', 'P-384': 'ecc-p384' };

/**
 * TPMT_PUBLIC of the endorsement key that a certificate is about.
 * @param certificate DER; whether anybody vouches for it is not looked at
 * @throws {MeasurementError} for a key of which there is no template here
 */
export function certifiedKey(certificate: Uint8Array): Buffer {
  return publicAreaOf(
    keyIn('the EK certificate', () => new X509Certificate(certificate).publicKey),
  );
}

/**
 * TPMT_PUBLIC of the endorsement key in a file: TPM2B_PUBLIC, as `tpm2_createek -u` writes it, or a public key in PEM form.
 * @throws {MeasurementError} for anything else, and for a key that is not of one of the standard templates
 */
export function knownKey(file: Buffer): Buffer {
  if (file.includes('-----BEGIN')) {
    return publicAreaOf(keyIn('the endorsement key', () => createPublicKey(file)));
  }
  const publicArea = file.subarray(2);
  if (file.length < 2 || file.readUInt16BE(0) !== publicArea.length) {
    throw unusable('the endorsement key is neither TPM2B_PUBLIC nor in PEM form');
  }
  const { key } = decodePublic(publicArea);
  if (TYPES.some((type) => encodePublic(withKey(type, key)).equals(publicArea))) return publicArea;
  throw unusable('the endorsement key is not of a standard template');
}

/** The template, with the numbers of another key of its kind. */
function withKey(type: EkType, key: PublicArea['key']): PublicArea {
  const template = ekTemplate(type);
  if (template.key.type === 'rsa' && key.type === 'rsa') {
    return { ...template, key: { ...template.key, modulus: key.modulus } };
  }
  if (template.key.type === 'ecc' && key.type === 'ecc') {
    return { ...template, key: { ...template.key, x: key.x, y: key.y } };
  }
  return template;
}

function publicAreaOf(key: KeyObject): Buffer {
  const { kty, crv = '', n = '', e, x = '', y = '' } = key.export({ format: 'jwk' });
  const number = (text: string) => Buffer.from(text, 'base64url');
  if (kty === 'RSA' && e === 'AQAB' && number(n).length === 256) {
    const { key: rsa, ...area } = ekTemplate('rsa-2048');
    return encodePublic({ ...area, key: { ...rsa, modulus: number(n) } as PublicArea['key'] });
  }
  const type = kty === 'EC' ? CURVES[crv] : undefined;
  if (type === undefined) throw unusable('the endorsement key is none of RSA 2048, P-256, P-384');
  const { key: ecc, ...area } = ekTemplate(type);
  const point = { x: number(x), y: number(y) };
  return encodePublic({ ...area, key: { ...ecc, ...point } as PublicArea['key'] });
}

function keyIn(what: string, read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw unusable(`${what} holds no key that can be read: ${(cause as Error).message}`, cause);
  }
}

function unusable(what: string, cause?: unknown): MeasurementError {
  return new MeasurementError(
    what,
    'give the key or the certificate of template L-1, L-2 or H-3 (TCG EK Credential Profile)',
    { cause },
  );
}
