import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type Attestation,
  akTemplate,
  digest,
  encodePublic,
  type HashAlgorithm,
  hashId,
  objectName,
  type PcrValues,
  type PublicArea,
  type Quote,
  type SigningScheme,
  TPM_RH,
  Writer,
} from 'node-tpm2-pts';

export interface AttestOverrides {
  magic?: number;
  type?: number;
  nonce?: Buffer;
  /** How often the TPM was reset, and resumed since. */
  resetCount?: number;
  restartCount?: number;
}

/** An ECDSA P-256 key outside any TPM that signs what a TPM would, and also what a TPM never would. */
export class SoftwareAk {
  readonly #key: KeyObject;
  readonly area: PublicArea;
  /** The handle of its hierarchy. */
  readonly #parent: number;

  constructor(
    change: (area: PublicArea) => PublicArea = (area) => area,
    parent: number = TPM_RH.ENDORSEMENT,
  ) {
    this.#parent = parent;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const template = akTemplate('ecc-p256');
    const point = { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') };
    this.#key = privateKey;
    this.area = change({ ...template, key: { ...template.key, ...point } as PublicArea['key'] });
  }

  get publicArea(): Buffer {
    return encodePublic(this.area);
  }

  quote(pcrs: PcrValues, overrides: AttestOverrides = {}): Quote {
    const values = [...pcrs.values()].flatMap((bank) => [...bank.values()]);
    const attest = this.#header(0x8018, overrides)
      .list([...pcrs], ([bank, values], to) => {
        const bits = [...values.keys()].reduce((sum, pcr) => sum | (1 << pcr), 0);
        const select = Buffer.alloc(3);
        select.writeUIntLE(bits, 0, 3);
        to.u16(hashId(bank)).u8(3).bytes(select);
      })
      .sized(digest(this.#hash, ...values))
      .toBuffer();
    return { attest, signature: this.sign(attest) };
  }

  /** That a TPM has this key loaded. */
  certify(object: SoftwareAk, overrides: AttestOverrides = {}): Attestation {
    const attest = this.#header(0x8017, overrides)
      .sized(objectName(object.publicArea))
      .sized(object.#qualifiedName())
      .toBuffer();
    return { attest, signature: this.sign(attest) };
  }

  #header(type: number, overrides: AttestOverrides): Writer {
    return new Writer()
      .u32(overrides.magic ?? 0xff544347)
      .u16(overrides.type ?? type)
      .sized(this.#qualifiedName())
      .sized(overrides.nonce ?? Buffer.from('nonce'))
      .u64(1000n)
      .u32(overrides.resetCount ?? 1)
      .u32(overrides.restartCount ?? 0)
      .u8(1)
      .u64(1n);
  }

  /** As a primary key of its hierarchy. */
  #qualifiedName(): Buffer {
    const hierarchy = new Writer().u32(this.#parent).toBuffer();
    const hash = digest('sha256', hierarchy, objectName(this.publicArea));
    return new Writer().u16(0x0b).bytes(hash).toBuffer();
  }

  /** The hash of its scheme. */
  get #hash(): HashAlgorithm {
    return (this.area.key as { signing?: SigningScheme }).signing?.hash ?? 'sha256';
  }

  /** A TPMT_SIGNATURE over anything. */
  sign(message: Buffer): Buffer {
    const raw = sign(this.#hash, message, { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return new Writer()
      .u16(0x0018)
      .u16(hashId(this.#hash))
      .sized(raw.subarray(0, 32))
      .sized(raw.subarray(32))
      .toBuffer();
  }
}
