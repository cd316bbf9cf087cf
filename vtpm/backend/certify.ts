import { X509Certificate } from 'node:crypto';
import {
  createAk,
  createPrimary,
  decodePublic,
  type EkType,
  ekTemplate,
  evictControl,
  flushContext,
  type HashAlgorithm,
  pcrRead,
  publicKey,
  TPM_PT,
  TPM_RH,
  type Tpm,
  tpmProperties,
} from 'node-tpm2-pts';
import type { VtpmKey } from '../../domains/vtpm-keys.ts';
import { LAUNCH_PCRS } from '../../measurement/guest-launch.ts';
import type { VtpmAuthority } from '../../measurement/guest-tpm/authority.ts';
import {
  type GuestStatement,
  guestCertificate,
  type TpmModel,
} from '../../measurement/guest-tpm/certificate.ts';
import { AK_HANDLE } from '../../measurement/keys/attestation-key.ts';
import type { PlatformIndexes } from './platform-index.ts';

/**
 * Where a guest finds certificates. Those of endorsement keys are where manufacturers put them (TCG EK Credential Profile 2.5, 2.2.1.4);
 * the others are in the range of platform manufacturers, before the log of the launch (launch.ts).
 */
export const CERTIFICATE_INDEX = {
  rsa: 0x01c00002,
  ecc: 0x01c0000a,
  authority: 0x01400c00,
  ak: 0x01400c01,
} as const;

const ENDORSEMENT_KEYS: Readonly<Record<Exclude<VtpmKey, 'ak'>, EkType>> = {
  rsa: 'rsa-2048',
  ecc: 'ecc-p256',
};

/** What keys are certified with. */
export interface Certification {
  readonly authority: VtpmAuthority;
  readonly keys: readonly VtpmKey[];
  /** The domain whose TPM it is. */
  readonly guest: Omit<GuestStatement, 'launch'>;
}

/** Keys that a TPM has, SubjectPublicKeyInfo in DER. */
export type MadeKeys = ReadonlyMap<VtpmKey, Buffer>;

/** Makes keys in a new TPM. The attestation key is kept at {@link AK_HANDLE}; the others the TPM makes again from the same templates. */
export async function makeKeys(tpm: Tpm, keys: readonly VtpmKey[]): Promise<MadeKeys> {
  const made = new Map<VtpmKey, Buffer>();
  for (const key of keys) made.set(key, await newKey(tpm, key));
  return made;
}

/**
 * Certifies keys, and leaves the certificates and that of the authority where the guest finds them. To be done when the launch was
 * measured, and before the platform hierarchy is closed.
 * @param made the keys that there are; others are made, if the TPM has no certificate of them
 */
export async function certifyKeys(
  indexes: PlatformIndexes,
  { authority, keys, guest }: Certification,
  banks: readonly HashAlgorithm[],
  made: MadeKeys = new Map(),
): Promise<void> {
  const { tpm } = indexes;
  const model = await modelOf(tpm);
  const statement = guest.domain === undefined ? guest : await withLaunch(tpm, guest, banks);
  await indexes.keep(CERTIFICATE_INDEX.authority, authority.certificate);
  for (const key of keys) {
    const index = CERTIFICATE_INDEX[key];
    const certified = {
      kind: key === 'ak' ? key : 'ek',
      publicKey:
        made.get(key) ?? (await certifiedBefore(indexes, index)) ?? (await newKey(tpm, key)),
      guest: statement,
      tpm: model,
    } as const;
    await indexes.keep(index, guestCertificate(certified, authority));
  }
}

/**
 * The key of a certificate of an earlier boot, in a TPM that lasts: the platform put it there, and the guest's owner may have set an authorization since, without which the key is not made again.
 */
async function certifiedBefore(
  indexes: PlatformIndexes,
  index: number,
): Promise<Buffer | undefined> {
  const before = await indexes.kept(index);
  if (before === undefined) return undefined;
  return new X509Certificate(before).publicKey.export({ type: 'spki', format: 'der' });
}

async function newKey(tpm: Tpm, key: VtpmKey): Promise<Buffer> {
  const made =
    key === 'ak'
      ? await createAk(tpm)
      : await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate(ENDORSEMENT_KEYS[key]));
  try {
    if (key === 'ak') await evictControl(tpm, made.handle, AK_HANDLE);
    return derOf(made.publicArea);
  } finally {
    await flushContext(tpm, made.handle);
  }
}

/** In one bank, so that the certificate fits into an index: SHA-256, or the first. */
async function withLaunch(
  tpm: Tpm,
  guest: Certification['guest'],
  banks: readonly HashAlgorithm[],
): Promise<GuestStatement> {
  const bank = banks.find((each) => each === 'sha256') ?? banks[0];
  if (bank === undefined) throw new Error('a TPM without a bank');
  const pcrs = Object.values(LAUNCH_PCRS);
  const values = (await pcrRead(tpm, [{ bank, pcrs }])).get(bank) ?? new Map<number, Buffer>();
  const launch = [...values].map(([pcr, value]) => [pcr, value.toString('hex')] as const);
  return { ...guest, launch: { [bank]: Object.fromEntries(launch) } };
}

async function modelOf(tpm: Tpm): Promise<TpmModel> {
  const properties = await tpmProperties(tpm);
  const number = (property: number) => properties.get(property) ?? 0;
  const { VENDOR_STRING_1, VENDOR_STRING_2, VENDOR_STRING_3, VENDOR_STRING_4 } = TPM_PT;
  const strings = [VENDOR_STRING_1, VENDOR_STRING_2, VENDOR_STRING_3, VENDOR_STRING_4];
  const bytes = Buffer.alloc(4 * strings.length);
  for (const [i, property] of strings.entries()) bytes.writeUInt32BE(number(property), 4 * i);
  return {
    manufacturer: number(TPM_PT.MANUFACTURER),
    model: bytes
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '')
      .trim(),
    version: number(TPM_PT.FIRMWARE_VERSION_1),
  };
}

const derOf = (publicArea: Buffer): Buffer =>
  publicKey(decodePublic(publicArea)).export({ type: 'spki', format: 'der' });
