import {
  booleanOf,
  contentOf,
  countOf,
  DER,
  type DerElement,
  DerError,
  oidOf,
  onlyElement,
  partsOf,
} from './der.ts';

/** RFC 5280, 4.2.1. */
export const EXTENSION = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
} as const;

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

/** What the rules of RFC 5280, 6.1 need of a certificate, and Node's X509Certificate does not have. */
export interface CertificateFields {
  /** Name, an RDNSequence. */
  readonly issuer: DerElement;
  readonly subject: DerElement;
  /** AlgorithmIdentifier that the signature covers; OpenSSL makes sure that the other one is the same. */
  readonly signature: DerElement;
  readonly extensions: readonly Extension[];
}

const VERSION_3 = 2;

/**
 * Reads a certificate. RFC 5280, 4.1.
 * @throws DerError
 */
export function certificateFields(der: Buffer): CertificateFields {
  const [toBeSigned] = partsOf(onlyElement(der), DER.sequence);
  const fields = partsOf(toBeSigned, DER.sequence);
  let version = 0;
  if (fields[0]?.tag === 0xa0) {
    version = countOf(onlyElement(contentOf(fields.shift(), 0xa0)));
  }
  const [, signature, issuer, , subject, , ...optional] = fields;
  if (!signature || !issuer || !subject) throw new DerError('fields are missing');
  const extensions = optional.find(({ tag }) => tag === 0xa3);
  if (extensions !== undefined && version !== VERSION_3) {
    throw new DerError('extensions in a certificate that is not of version 3');
  }
  return {
    signature,
    issuer,
    subject,
    extensions:
      extensions === undefined
        ? []
        : partsOf(onlyElement(extensions.content), DER.sequence).map(extensionOf),
  };
}

function extensionOf(element: DerElement): Extension {
  const [oid, ...rest] = partsOf(element, DER.sequence);
  const critical = rest.length === 2 && booleanOf(rest.shift());
  if (rest.length !== 1) throw new DerError('an extension of other parts');
  return { oid: oidOf(oid), critical, value: contentOf(rest[0], DER.octetString) };
}

/** Whether the key may sign certificates, and over how many authorities. RFC 5280, 4.2.1.9. */
export function basicConstraints(fields: CertificateFields): { ca: boolean; longest: number } {
  const value = extension(fields, EXTENSION.basicConstraints);
  if (value === undefined) return { ca: false, longest: Number.POSITIVE_INFINITY };
  const parts = partsOf(onlyElement(value), DER.sequence);
  const ca = parts[0]?.tag === DER.boolean && booleanOf(parts.shift());
  const longest = parts.length === 0 ? Number.POSITIVE_INFINITY : countOf(parts.shift());
  if (parts.length > 0) throw new DerError('basic constraints of more parts');
  return { ca, longest };
}

/** The purposes that the key is limited to; undefined when it is not. RFC 5280, 4.2.1.12. */
export function extendedKeyUsage(fields: CertificateFields): string[] | undefined {
  const value = extension(fields, EXTENSION.extendedKeyUsage);
  return value && partsOf(onlyElement(value), DER.sequence).map(oidOf);
}

/** The value of an extension that a certificate has once at most. */
export function extension(fields: CertificateFields, oid: string): Buffer | undefined {
  return fields.extensions.find((each) => each.oid === oid)?.value;
}
