import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodePublic, encodeSignature, TPMA_OBJECT } from 'node-tpm2-pts';

const SCHEME = { scheme: 'ecdsa', hash: 'sha256' } as const;

/** A signing key outside any TPM, such as whoever approves policies has. */
export class SoftwareSigner {
  readonly #key: KeyObject;
  /** TPMT_PUBLIC, as loadExternal takes it. */
  readonly publicArea: Buffer;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    this.publicArea = encodePublic({
      nameAlgorithm: 'sha256',
      attributes: TPMA_OBJECT.SIGN | TPMA_OBJECT.USER_WITH_AUTH,
      authPolicy: Buffer.alloc(0),
      key: {
        type: 'ecc',
        curve: 'P-256',
        x: Buffer.from(x, 'base64url'),
        y: Buffer.from(y, 'base64url'),
        aesBits: undefined,
        signing: SCHEME,
      },
    });
  }

  /** A TPMT_SIGNATURE over the message. */
  sign(message: Buffer): Buffer {
    const raw = sign('sha256', message, { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return encodeSignature({ ...SCHEME, parts: [raw.subarray(0, 32), raw.subarray(32)] });
  }
}
