import {
  constants,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { type HashAlgorithm, hashSize, opensslName } from './algorithms.ts';
import { Writer } from './codec/writer.ts';
import { TpmUnsupportedError } from './errors.ts';
import { kdfE } from './kdf.ts';
import type { EccKey, PublicArea } from './structures/public.ts';
import { padded, publicKey } from './structures/public-key.ts';

/** A random secret as long as the key's name digest, and what only the TPM that has the key can read it from. */
export interface SecretForKey {
  readonly seed: Buffer;
  /** TPM2B_ENCRYPTED_SECRET without its size. */
  readonly secret: Buffer;
}

/** Makes a secret for the decryption key `area`. Part 1, B.10 and C.6; `label` says what for: IDENTITY or SECRET. */
export function secretForKey(area: PublicArea, label: string): SecretForKey {
  const { key } = area;
  if (key.type === 'rsa') return rsaSecret(area, label);
  if (key.type === 'ecc') return eccSecret(area, key, label);
  throw new TpmUnsupportedError(
    'the object is no key',
    'pass the public area of a storage key or EK',
  );
}

/** A random seed in OAEP. Part 1, B.4 and B.10.3: the label includes its terminating zero. */
function rsaSecret(area: PublicArea, label: string): SecretForKey {
  const hash: HashAlgorithm = area.nameAlgorithm;
  const seed = randomBytes(hashSize(hash));
  const secret = publicEncrypt(
    {
      key: publicKey(area),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: opensslName(hash),
      oaepLabel: Buffer.from(`${label}\0`, 'latin1'),
    },
    seed,
  );
  return { seed, secret };
}

/** One-pass ECDH with an ephemeral key. Part 1, C.6.1 and C.6.3. */
function eccSecret(area: PublicArea, key: EccKey, label: string): SecretForKey {
  const hash = area.nameAlgorithm;
  const size = key.curve === 'P-256' ? 32 : 48;
  const ephemeral = generateKeyPairSync('ec', { namedCurve: key.curve });
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(area) });
  const { x = '', y = '' } = ephemeral.publicKey.export({ format: 'jwk' });
  const [ourX, ourY] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const theirX = padded(key.x, size);
  const seed = kdfE(hash, shared, label, ourX, theirX, 8 * hashSize(hash));
  return { seed, secret: new Writer().sized(ourX).sized(ourY).toBuffer() };
}
