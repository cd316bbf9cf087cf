import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  akTemplate,
  digest,
  encodePublic,
  hashId,
  objectName,
  type PcrValues,
  type PublicArea,
  type Quote,
  TPM_RH,
  Writer,
} from 'node-tpm2-pts';

export interface AttestOverrides {
  magic?: number;
  type?: number;
  nonce?: Buffer;
}

/** An ECDSA P-256 key outside any TPM that signs what a TPM would, and also what a TPM never would. */
export class SoftwareAk {
  readonly #key: KeyObject;
  readonly area: PublicArea;

  constructor(change: (area: PublicArea) => PublicArea = (area) => area) {
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
    const attest = new Writer()
      .u32(overrides.magic ?? 0xff544347)
      .u16(overrides.type ?? 0x8018)
      .sized(this.#qualifiedName())
      .sized(overrides.nonce ?? Buffer.from('nonce'))
      .u64(1000n)
      .u32(1)
      .u32(0)
      .u8(1)
      .u64(1n)
      .list([...pcrs], ([bank, values], to) => {
        const bits = [...values.keys()].reduce((sum, pcr) => sum | (1 << pcr), 0);
        const select = Buffer.alloc(3);
        select.writeUIntLE(bits, 0, 3);
        to.u16(hashId(bank)).u8(3).bytes(select);
      })
      .sized(digest('sha256', ...values))
      .toBuffer();
    return { attest, signature: this.sign(attest) };
  }

  /** As a primary key of the endorsement hierarchy. */
  #qualifiedName(): Buffer {
    const hierarchy = new Writer().u32(TPM_RH.ENDORSEMENT).toBuffer();
    const hash = digest('sha256', hierarchy, objectName(this.publicArea));
    return new Writer().u16(0x0b).bytes(hash).toBuffer();
  }

  /** A TPMT_SIGNATURE over anything. */
  sign(message: Buffer): Buffer {
    const raw = sign('sha256', message, { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return new Writer()
      .u16(0x0018)
      .u16(0x000b)
      .sized(raw.subarray(0, 32))
      .sized(raw.subarray(32))
      .toBuffer();
  }
}
