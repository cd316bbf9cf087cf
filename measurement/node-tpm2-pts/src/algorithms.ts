import { getHashes, hash } from 'node:crypto';
import { TpmUnsupportedError } from './errors.ts';

interface HashProperties {
  /** TPM_ALG_ID. TCG Algorithm Registry, 6.10; the same numbers stand in event logs. */
  readonly id: number;
  /** Digest size in bytes. */
  readonly size: number;
  /** OpenSSL's name. */
  readonly openssl: string;
}

const HASHES = {
  sha1: { id: 0x0004, size: 20, openssl: 'sha1' },
  sha256: { id: 0x000b, size: 32, openssl: 'sha256' },
  sha384: { id: 0x000c, size: 48, openssl: 'sha384' },
  sha512: { id: 0x000d, size: 64, openssl: 'sha512' },
  sm3_256: { id: 0x0012, size: 32, openssl: 'sm3' },
  sha3_256: { id: 0x0027, size: 32, openssl: 'sha3-256' },
  sha3_384: { id: 0x0028, size: 48, openssl: 'sha3-384' },
  sha3_512: { id: 0x0029, size: 64, openssl: 'sha3-512' },
} as const satisfies Record<string, HashProperties>;

/** A hash algorithm, named as tpm2-tools names PCR banks. */
export type HashAlgorithm = keyof typeof HASHES;

export const hashAlgorithms = Object.keys(HASHES) as HashAlgorithm[];

/** The TPM_ALG_ID of `algorithm`. */
export function hashId(algorithm: HashAlgorithm): number {
  return HASHES[algorithm].id;
}

/** The digest size of `algorithm` in bytes. */
export function hashSize(algorithm: HashAlgorithm): number {
  return HASHES[algorithm].size;
}

/** The algorithm with this TPM_ALG_ID; undefined when it is no hash known here. */
export function hashById(id: number): HashAlgorithm | undefined {
  return hashAlgorithms.find((algorithm) => HASHES[algorithm].id === id);
}

/** What this Node's OpenSSL can compute, once somebody has asked; asking takes longer than hashing a small event. */
let computable: ReadonlySet<string> | undefined;

/** Node's (OpenSSL's) name of `algorithm`, for node:crypto. Fails where the running Node cannot compute it. */
export function opensslName(algorithm: HashAlgorithm): string {
  const name = HASHES[algorithm].openssl;
  computable ??= new Set(getHashes());
  if (!computable.has(name)) {
    throw new TpmUnsupportedError(
      `this Node cannot compute ${algorithm}`,
      `use a Node whose OpenSSL has ${name}, or deactivate the TPM's ${algorithm} PCR bank`,
    );
  }
  return name;
}

/** The digest of `bytes` as a string of one character for each byte: many are made faster so than as buffers. */
export function binaryDigest(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return hash(opensslName(algorithm), bytes, 'binary');
}

/** The digest of the concatenation of `parts`. */
export function digest(algorithm: HashAlgorithm, ...parts: Uint8Array[]): Buffer {
  const [first = Buffer.alloc(0)] = parts;
  return hash(opensslName(algorithm), parts.length === 1 ? first : Buffer.concat(parts), 'buffer');
}
