import { digest, type HashAlgorithm, hashById, hashId } from '../algorithms.ts';
import { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG } from '../constants.ts';

/** A signing scheme and the hash it signs. */
export interface SigningScheme {
  readonly scheme: 'ecdsa' | 'rsassa' | 'rsapss';
  readonly hash: HashAlgorithm;
}

/** TPMS_ECC_PARMS and TPMS_ECC_POINT. */
export interface EccKey {
  readonly type: 'ecc';
  readonly curve: 'P-256' | 'P-384';
  readonly x: Buffer;
  readonly y: Buffer;
  /** AES-CFB key size in bits by which a storage or endorsement key protects; undefined for others. */
  readonly aesBits: number | undefined;
  readonly signing: SigningScheme | undefined;
}

/** TPMS_RSA_PARMS and the modulus. */
export interface RsaKey {
  readonly type: 'rsa';
  readonly bits: number;
  readonly exponent: number;
  readonly modulus: Buffer;
  readonly aesBits: number | undefined;
  readonly signing: SigningScheme | undefined;
}

/** A sealed data object: TPMS_KEYEDHASH_PARMS without a scheme. */
export interface KeyedHash {
  readonly type: 'keyedhash';
  readonly unique: Buffer;
}

/** TPMT_PUBLIC. TPM 2.0 Library, Part 2, 12.2.4. */
export interface PublicArea {
  readonly nameAlgorithm: HashAlgorithm;
  /** Bits of TPMA_OBJECT. */
  readonly attributes: number;
  readonly authPolicy: Buffer;
  readonly key: EccKey | RsaKey | KeyedHash;
}

const CURVES = { 'P-256': 0x0003, 'P-384': 0x0004 } as const;
const SCHEMES = { ecdsa: TPM_ALG.ECDSA, rsassa: TPM_ALG.RSASSA, rsapss: TPM_ALG.RSAPSS } as const;
const TYPES = { ecc: TPM_ALG.ECC, rsa: TPM_ALG.RSA, keyedhash: TPM_ALG.KEYEDHASH } as const;

/** The TPMT_PUBLIC of `area`. */
export function encodePublic({ nameAlgorithm, attributes, authPolicy, key }: PublicArea): Buffer {
  const to = new Writer()
    .u16(TYPES[key.type])
    .u16(hashId(nameAlgorithm))
    .u32(attributes)
    .sized(authPolicy);
  if (key.type === 'keyedhash') return to.u16(TPM_ALG.NULL).sized(key.unique).toBuffer();
  if (key.aesBits === undefined) to.u16(TPM_ALG.NULL);
  else to.u16(TPM_ALG.AES).u16(key.aesBits).u16(TPM_ALG.CFB);
  if (key.signing === undefined) to.u16(TPM_ALG.NULL);
  else to.u16(SCHEMES[key.signing.scheme]).u16(hashId(key.signing.hash));
  if (key.type === 'rsa') to.u16(key.bits).u32(key.exponent).sized(key.modulus);
  else to.u16(CURVES[key.curve]).u16(TPM_ALG.NULL).sized(key.x).sized(key.y);
  return to.toBuffer();
}

/** Parses a TPMT_PUBLIC that fills `bytes`. @throws {TpmFormatError} also for kinds of object not known here */
export function decodePublic(bytes: Uint8Array): PublicArea {
  const from = new Reader(bytes, 'TPMT_PUBLIC');
  const type = from.u16('type');
  const nameAlgorithm = readHash(from, 'nameAlg');
  const attributes = from.u32('objectAttributes');
  const authPolicy = from.sized('authPolicy', 64);
  const key = readKey(from, type);
  from.end();
  return { nameAlgorithm, attributes, authPolicy, key };
}

function readKey(from: Reader, type: number): PublicArea['key'] {
  if (type === TPM_ALG.KEYEDHASH) {
    if (from.u16('scheme') !== TPM_ALG.NULL)
      throw from.error('a keyed hash that is no sealed data');
    return { type: 'keyedhash', unique: from.sized('unique', 64) };
  }
  if (type !== TPM_ALG.ECC && type !== TPM_ALG.RSA) throw from.error(`object type ${hex(type)}`);
  const aesBits = readSymmetric(from);
  const signing = readScheme(from);
  if (type === TPM_ALG.RSA) {
    const bits = from.u16('keyBits');
    const exponent = from.u32('exponent');
    return { type: 'rsa', bits, exponent, modulus: from.sized('modulus', 512), aesBits, signing };
  }
  const id = from.u16('curveID');
  const curve = (Object.keys(CURVES) as EccKey['curve'][]).find((name) => CURVES[name] === id);
  if (curve === undefined) throw from.error(`curve ${hex(id)}`);
  if (from.u16('kdf') !== TPM_ALG.NULL) throw from.error('a key derivation scheme');
  return { type: 'ecc', curve, x: from.sized('x', 66), y: from.sized('y', 66), aesBits, signing };
}

/** TPMT_SYM_DEF_OBJECT. Part 2, 11.1.7. */
function readSymmetric(from: Reader): number | undefined {
  const algorithm = from.u16('symmetric algorithm');
  if (algorithm === TPM_ALG.NULL) return undefined;
  const bits = from.u16('symmetric keyBits');
  const mode = from.u16('symmetric mode');
  if (algorithm !== TPM_ALG.AES || mode !== TPM_ALG.CFB) {
    throw from.error('a symmetric cipher other than AES-CFB');
  }
  return bits;
}

/** TPMT_ECC_SCHEME or TPMT_RSA_SCHEME. Part 2, 11.2.5.6 and 11.2.4.2. */
function readScheme(from: Reader): SigningScheme | undefined {
  const id = from.u16('scheme');
  if (id === TPM_ALG.NULL) return undefined;
  return { scheme: schemeById(from, id), hash: readHash(from, 'scheme hash') };
}

/** The TPM_ALG_ID of a signing scheme. */
export function schemeId(scheme: SigningScheme['scheme']): number {
  return SCHEMES[scheme];
}

/** The signing scheme with this TPM_ALG_ID. */
export function schemeById(from: Reader, id: number): SigningScheme['scheme'] {
  const names = Object.keys(SCHEMES) as SigningScheme['scheme'][];
  const scheme = names.find((name) => SCHEMES[name] === id);
  if (scheme === undefined) throw from.error(`scheme ${hex(id)}`);
  return scheme;
}

/** A TPMI_ALG_HASH that is known here. */
export function readHash(from: Reader, field: string): HashAlgorithm {
  const id = from.u16(field);
  const hash = hashById(id);
  if (hash === undefined) throw from.error(`${field} ${hex(id)}`);
  return hash;
}

/** An object's name: nameAlg, then the hash of its TPMT_PUBLIC. Part 1, "Names". */
export function objectName(publicArea: Uint8Array): Buffer {
  const { nameAlgorithm } = decodePublic(publicArea);
  return new Writer()
    .u16(hashId(nameAlgorithm))
    .bytes(digest(nameAlgorithm, publicArea))
    .toBuffer();
}

function hex(value: number): string {
  return `0x${value.toString(16)} is not known here`;
}
