import { constants, type KeyObject, verify } from 'node:crypto';
import { type HashAlgorithm, hashId, opensslName } from '../algorithms.ts';
import { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { readHash, type SigningScheme, schemeById, schemeId } from './public.ts';
import { padded } from './public-key.ts';

/** TPMT_SIGNATURE. TPM 2.0 Library, Part 2, 11.3.4. */
export interface Signature {
  readonly scheme: SigningScheme['scheme'];
  readonly hash: HashAlgorithm;
  /** RSA: the signature. ECDSA: r and s. */
  readonly parts: readonly Buffer[];
}

/** Parses a TPMT_SIGNATURE that fills `bytes`. */
export function decodeSignature(bytes: Uint8Array): Signature {
  const from = new Reader(bytes, 'TPMT_SIGNATURE');
  const scheme = schemeById(from, from.u16('sigAlg'));
  const hash = readHash(from, 'hash');
  const parts =
    scheme === 'ecdsa' ? [from.sized('r', 66), from.sized('s', 66)] : [from.sized('sig', 512)];
  from.end();
  return { scheme, hash, parts };
}

/** The TPMT_SIGNATURE of `signature`: what TPM2_VerifySignature takes of a signature that was made elsewhere. */
export function encodeSignature({ scheme, hash, parts }: Signature): Buffer {
  const to = new Writer().u16(schemeId(scheme)).u16(hashId(hash));
  for (const part of parts) to.sized(part);
  return to.toBuffer();
}

/** True when `key` made `signature` over `message`. */
export function verifySignature(key: KeyObject, signature: Signature, message: Buffer): boolean {
  const { scheme, parts } = signature;
  const hash = opensslName(signature.hash);
  if ((key.asymmetricKeyType === 'ec') !== (scheme === 'ecdsa')) return false;
  if (scheme === 'ecdsa') {
    const size = key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 32 : 48;
    if (parts.some((part) => part.length > size)) return false;
    const joined = Buffer.concat(parts.map((part) => padded(part, size)));
    return verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, joined);
  }
  const padding =
    scheme === 'rsassa' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_PSS_PADDING;
  return verify(hash, message, { key, padding }, Buffer.concat(parts));
}
