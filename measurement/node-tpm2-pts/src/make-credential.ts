import {
  constants,
  createCipheriv,
  createHmac,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { type HashAlgorithm, hashSize, opensslName } from './algorithms.ts';
import { Writer } from './codec/writer.ts';
import { TpmUnsupportedError } from './errors.ts';
import { kdfA, kdfE } from './kdf.ts';
import { decodePublic, type EccKey, type PublicArea } from './structures/public.ts';
import { padded, publicKey } from './structures/public-key.ts';

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
  const { seed, secret } = key.type === 'rsa' ? rsaSeed(area) : eccSeed(area, key);
  const none = Buffer.alloc(0);
  const aesKey = kdfA(hash, seed, 'STORAGE', akName, none, key.aesBits);
  const cipher = createCipheriv(`aes-${key.aesBits}-cfb`, aesKey, Buffer.alloc(16));
  const inner = new Writer().sized(credential).toBuffer();
  const encrypted = Buffer.concat([cipher.update(inner), cipher.final()]);
  const hmacKey = kdfA(hash, seed, 'INTEGRITY', none, none, 8 * hashSize(hash));
  const hmac = createHmac(opensslName(hash), hmacKey).update(encrypted).update(akName).digest();
  return { blob: new Writer().sized(hmac).bytes(encrypted).toBuffer(), secret };
}

/** A random seed in OAEP. Part 1, B.4 and B.10.3: the label includes its terminating zero. */
function rsaSeed(area: PublicArea) {
  const hash: HashAlgorithm = area.nameAlgorithm;
  const seed = randomBytes(hashSize(hash));
  const secret = publicEncrypt(
    {
      key: publicKey(area),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: opensslName(hash),
      oaepLabel: Buffer.from(`${LABEL}\0`, 'latin1'),
    },
    seed,
  );
  return { seed, secret };
}

/** One-pass ECDH with an ephemeral key. Part 1, C.6.1 and C.6.3. */
function eccSeed(area: PublicArea, key: EccKey) {
  const hash = area.nameAlgorithm;
  const size = key.curve === 'P-256' ? 32 : 48;
  const ephemeral = generateKeyPairSync('ec', { namedCurve: key.curve });
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(area) });
  const { x = '', y = '' } = ephemeral.publicKey.export({ format: 'jwk' });
  const [ourX, ourY] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const theirX = padded(key.x, size);
  const seed = kdfE(hash, shared, LABEL, ourX, theirX, 8 * hashSize(hash));
  return { seed, secret: new Writer().sized(ourX).sized(ourY).toBuffer() };
}
