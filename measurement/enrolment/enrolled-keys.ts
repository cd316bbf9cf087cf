import { attestationKeyProblem, decodePublic, digest, objectName, Tpm2Error } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { certifiedKey, knownKey } from './endorsement-key.ts';
import { hasMembers, isHex } from './enrolled-file.ts';

/** A certificate of the endorsement key and who vouched for it. */
export interface VouchedCertificate {
  /** DER. */
  readonly der: Buffer;
  /** The root under which it was issued, at the time. */
  readonly authority: { readonly subject: string; readonly sha256: string };
}

/** Two keys that are, or are to be shown to be, in one TPM. */
export interface EnrolledKeys {
  /** TPMT_PUBLIC of the attestation key. */
  readonly ak: Buffer;
  /** TPMT_PUBLIC of the endorsement key. */
  readonly ek: Buffer;
  /** Left out where the verifier knew the endorsement key himself. */
  readonly certificate?: VouchedCertificate;
}

/** The members of the files. Names and digests can be computed; they are there for people, and to find what was changed. */
export function keyMembers({ ak, ek, certificate }: EnrolledKeys): object {
  return {
    ak: { public: ak.toString('hex'), name: objectName(ak).toString('hex') },
    ek: { public: ek.toString('hex'), name: objectName(ek).toString('hex') },
    certificate: certificate && {
      der: certificate.der.toString('base64'),
      sha256: sha256(certificate.der),
      authority: certificate.authority,
    },
  };
}

/** @returns an explanation for members that are incomplete, or do not fit each other */
export function readKeyMembers(members: Readonly<Record<string, unknown>>): EnrolledKeys | string {
  if (!hasMembers(members, ['ak', 'ek'], ['certificate'])) {
    return 'it has not the members that it should have';
  }
  const [ak, ek] = [keyOf(members.ak), keyOf(members.ek)];
  if (typeof ak === 'string') return `the attestation key ${ak}`;
  if (typeof ek === 'string') return `the endorsement key ${ek}`;
  const problem = keyProblem(ak, ek);
  if (problem !== undefined) return problem;
  if (members.certificate === undefined) return { ak, ek };
  const certificate = certificateOf(members.certificate);
  if (certificate === undefined) return 'the certificate has not the members that it should have';
  return certifies(certificate.der, ek)
    ? { ak, ek, certificate }
    : 'the certificate is of another endorsement key';
}

function keyOf(value: unknown): Buffer | string {
  if (!hasMembers(value, ['public', 'name']) || !isHex(value.public)) return 'is not there';
  const key = Buffer.from(value.public, 'hex');
  try {
    return objectName(key).toString('hex') === value.name ? key : 'has another name';
  } catch (error) {
    if (error instanceof Tpm2Error) return `can't be read: ${error.message}`;
    throw error;
  }
}

function certificateOf(value: unknown): VouchedCertificate | undefined {
  if (!hasMembers(value, ['der', 'sha256', 'authority']) || typeof value.der !== 'string') {
    return undefined;
  }
  const der = Buffer.from(value.der, 'base64');
  const { authority } = value;
  const vouched =
    hasMembers(authority, ['subject', 'sha256']) &&
    typeof authority.subject === 'string' &&
    isHex(authority.sha256);
  if (!vouched || sha256(der) !== value.sha256 || der.toString('base64') !== value.der) {
    return undefined;
  }
  return { der, authority: authority as VouchedCertificate['authority'] };
}

function keyProblem(ak: Buffer, ek: Buffer): string | undefined {
  return attempt(() => {
    knownKey(Buffer.concat([Buffer.of(ek.length >> 8, ek.length & 0xff), ek]));
    return attestationKeyProblem(decodePublic(ak))?.what;
  });
}

const certifies = (der: Buffer, ek: Buffer): boolean =>
  attempt(() => (certifiedKey(der).equals(ek) ? undefined : 'another')) === undefined;

function attempt(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Tpm2Error || error instanceof MeasurementError) return error.message;
    throw error;
  }
}

function sha256(bytes: Buffer): string {
  return digest('sha256', bytes).toString('hex');
}
