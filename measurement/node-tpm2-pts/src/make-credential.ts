import { createCipheriv, createHmac } from 'node:crypto';
import { hashSize, opensslName } from './algorithms.ts';
import { Writer } from './codec/writer.ts';
import { secretForKey } from './encrypted-secret.ts';
import { TpmUnsupportedError } from './errors.ts';
import { kdfA } from './kdf.ts';
import { decodePublic } from './structures/public.ts';

/** What TPM2_ActivateCredential takes; both without their TPM2B size. */
export interface Credential {
  /** TPMS_ID_OBJECT: HMAC and encrypted secret. */
  readonly blob: Buffer;
  /** The seed, encrypted for the endorsement key. */
  readonly secret: Buffer;
}

const LABEL = 'IDENTITY';

/**
 * Encrypts `credential` (at most as long as the EK's name digest) so that only a TPM that has the endorsement key `ek` and
 * an object named `akName` can read it: what TPM2_MakeCredential does, without a TPM. Part 1, "Credential Protection".
 *
 * @param ek TPMT_PUBLIC of the endorsement key, taken from or compared with its certificate
 */
export function makeCredential(
  ek: Uint8Array,
  akName: Uint8Array,
  credential: Uint8Array,
): Credential {
  const area = decodePublic(ek);
  const { nameAlgorithm: hash, key } = area;
  if (key.type === 'keyedhash' || key.aesBits === undefined) {
    throw new TpmUnsupportedError('the key is no endorsement key', 'pass the public area of an EK');
  }
  if (credential.length > hashSize(hash)) {
    throw new RangeError(`a credential of ${credential.length} bytes, at most ${hashSize(hash)}`);
  }
  const { seed, secret } = secretForKey(area, LABEL);
  const none = Buffer.alloc(0);
  const aesKey = kdfA(hash, seed, 'STORAGE', akName, none, key.aesBits);
  const cipher = createCipheriv(`aes-${key.aesBits}-cfb`, aesKey, Buffer.alloc(16));
  const inner = new Writer().sized(credential).toBuffer();
  const encrypted = Buffer.concat([cipher.update(inner), cipher.final()]);
  const hmacKey = kdfA(hash, seed, 'INTEGRITY', none, none, 8 * hashSize(hash));
  const hmac = createHmac(opensslName(hash), hmacKey).update(encrypted).update(akName).digest();
  return { blob: new Writer().sized(hmac).bytes(encrypted).toBuffer(), secret };
}
