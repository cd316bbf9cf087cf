import { type KeyObject, X509Certificate } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import { MeasurementError } from '../errors.ts';
import {
  certificateFields,
  EXTENSION,
  extendedKeyUsage,
  extension,
} from '../evidence/x509/certificate-fields.ts';
import { contentOf, DerError, onlyElement } from '../evidence/x509/der.ts';
import {
  bitString,
  element,
  octetString,
  oid,
  sequence,
  utf8,
} from '../evidence/x509/encode-der.ts';
import { authorityName, SUBJECT_KEY_IDENTIFIER, type VtpmAuthority } from './authority.ts';
import {
  distinguishedName,
  extensionOf,
  keyIdentifier,
  publicHalf,
  signedCertificate,
} from './certificate-parts.ts';

/** What the authority says of the domain whose TPM has the key. */
export interface GuestStatement {
  /** The guest's name in the manifest; left out for a domain that domB did not make, of which nothing more is known. */
  readonly domain?: string;
  readonly domid: number;
  /** As Xen has it. */
  readonly uuid: string;
  /** The values of PCR 8 and 9 when the guest got its TPM, in hex, by bank. */
  readonly launch?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** `ek`: the endorsement key, `ak`: a key that signs what the TPM reports of itself and nothing else. */
export type CertifiedKeyKind = 'ek' | 'ak';

/** As the TPM tells them of itself: Part 2, 6.13, and TCG EK Credential Profile 2.5, 3.1.2. */
export interface TpmModel {
  /** TPM_PT_MANUFACTURER. */
  readonly manufacturer: number;
  /** TPM_PT_VENDOR_STRING_1 to 4, as text. */
  readonly model: string;
  /** TPM_PT_FIRMWARE_VERSION_1. */
  readonly version: number;
}

/**
 * The extension with the statement, as canonical JSON in a UTF8String. Object identifiers below 2.25 are UUIDs, which need no
 * registration (ITU-T X.667, 7): this one is d5863c63-805d-4328-903f-bcc32403cabb, made for this purpose.
 */
export const GUEST_STATEMENT = '2.25.283822555709121884348303527479691430587';

/** What each key is for: TCG EK Credential Profile 2.5, 3.2.16, and TCG Infrastructure's tcg-kp-AIKCertificate. */
const PURPOSES: Readonly<Record<CertifiedKeyKind, string>> = {
  ek: '2.23.133.8.1',
  ak: '2.23.133.8.3',
};

/** KeyUsage, with the number of unused bits: RFC 5280, 4.2.1.3. */
const USAGE = {
  digitalSignature: bitString(Buffer.from([0x80]), 7),
  keyEncipherment: bitString(Buffer.from([0x20]), 5),
  keyAgreement: bitString(Buffer.from([0x08]), 3),
} as const;

const COMMON_NAME = '2.5.4.3';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const TPM_ATTRIBUTES = {
  manufacturer: '2.23.133.2.1',
  model: '2.23.133.2.2',
  version: '2.23.133.2.3',
} as const;

export interface CertifiedKey {
  readonly kind: CertifiedKeyKind;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly guest: GuestStatement;
  readonly tpm: TpmModel;
}

/** The certificate of a key in a guest's TPM, DER. */
export function guestCertificate(key: CertifiedKey, authority: VtpmAuthority): Buffer {
  const { kind, publicKey, guest, tpm } = key;
  const issuerKey = publicHalf(authority.privateKey);
  const subject = guest.domain ?? `domain ${guest.domid}, not made by domB`;
  const extensions = [
    extensionOf(EXTENSION.basicConstraints, sequence(), true),
    extensionOf(EXTENSION.keyUsage, usageOf(key), true),
    extensionOf(EXTENSION.extendedKeyUsage, sequence(oid(PURPOSES[kind]))),
    extensionOf(EXTENSION.subjectAltName, alternativeNames(tpm, guest)),
    extensionOf(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(publicKey))),
    extensionOf(AUTHORITY_KEY_IDENTIFIER, sequence(element(0x80, keyIdentifier(issuerKey)))),
    extensionOf(GUEST_STATEMENT, utf8(canonicalJson(guest))),
  ];
  return signedCertificate(
    {
      issuer: authorityName(issuerKey),
      subject: distinguishedName([COMMON_NAME, subject]),
      publicKey,
      extensions,
    },
    authority.privateKey,
  );
}

/** id-ecPublicKey. RFC 5480, 2.1.1. */
const EC = oid('1.2.840.10045.2.1');

function usageOf({ kind, publicKey }: CertifiedKey): Buffer {
  if (kind === 'ak') return USAGE.digitalSignature;
  return publicKey.includes(EC) ? USAGE.keyAgreement : USAGE.keyEncipherment;
}

/** The TPM as the profile wants it, in one RDN for each attribute as swtpm_cert has it, and the guest's UUID as RFC 9562 writes it in a URI. */
function alternativeNames({ manufacturer, model, version }: TpmModel, guest: GuestStatement) {
  const hex = (value: number) => `id:${value.toString(16).toUpperCase().padStart(8, '0')}`;
  const tpm = distinguishedName(
    [TPM_ATTRIBUTES.manufacturer, hex(manufacturer)],
    [TPM_ATTRIBUTES.model, model],
    [TPM_ATTRIBUTES.version, hex(version)],
  );
  return sequence(
    element(0xa4, tpm),
    element(0x86, Buffer.from(`urn:uuid:${guest.uuid}`, 'latin1')),
  );
}

/** What a certificate says, whoever signed it. */
export interface ReadCertificate {
  readonly certificate: X509Certificate;
  /** Whose certificate it is. */
  readonly publicKey: KeyObject;
  readonly kind: CertifiedKeyKind;
  readonly guest: GuestStatement;
}

/** Bytes; the largest that is made is half as long. */
const MAX_SIZE = 4096;

/**
 * Reads a certificate that {@link guestCertificate} may have made. Whose signature it has is not looked at.
 * @throws {MeasurementError} for anything else
 */
export function readGuestCertificate(der: Buffer, source: string): ReadCertificate {
  try {
    if (der.length > MAX_SIZE) throw new DerError(`larger than ${MAX_SIZE} bytes`);
    const certificate = new X509Certificate(der);
    const fields = certificateFields(certificate.raw);
    const [purpose, ...others] = extendedKeyUsage(fields) ?? [];
    const kind = (['ek', 'ak'] as const).find((each) => PURPOSES[each] === purpose);
    const value = extension(fields, GUEST_STATEMENT);
    if (kind === undefined || others.length > 0 || value === undefined) {
      throw new DerError("not one of a guest's TPM");
    }
    const oids = fields.extensions.map((each) => each.oid);
    if (new Set(oids).size !== oids.length) throw new DerError('an extension that comes twice');
    const text = contentOf(onlyElement(value), 0x0c).toString();
    const guest: unknown = JSON.parse(text);
    if (!isStatement(guest) || canonicalJson(guest) !== text) {
      throw new DerError('what it says of the guest is malformed');
    }
    // Read here: a key that is none is told of only now.
    return { certificate, publicKey: certificate.publicKey, kind, guest };
  } catch (cause) {
    throw new MeasurementError(
      `${source}: ${(cause as Error).message}`,
      'fetch it again from the TPM of the guest',
      { cause },
    );
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const MEMBERS = ['domain', 'domid', 'uuid', 'launch'];

function isStatement(value: unknown): value is GuestStatement {
  if (!isRecord(value) || Object.keys(value).some((name) => !MEMBERS.includes(name))) return false;
  const { domain, domid, uuid, launch } = value;
  const named = domain === undefined || typeof domain === 'string';
  return (
    named &&
    Number.isSafeInteger(domid) &&
    typeof uuid === 'string' &&
    (launch === undefined || isLaunch(launch))
  );
}

const isLaunch = (value: unknown): boolean =>
  isRecord(value) &&
  Object.values(value).every(
    (bank) => isRecord(bank) && Object.values(bank).every((each) => typeof each === 'string'),
  );
