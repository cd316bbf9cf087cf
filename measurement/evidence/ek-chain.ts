import { X509Certificate } from 'node:crypto';
import { MeasurementError } from '../errors.ts';

/** tcg-kp-EKCertificate: what the key of the certificate is for. TCG EK Credential Profile 2.5, 3.2.16. */
const EK_CERTIFICATE = '2.23.133.8.1';

/** From the endorsement key to the root; manufacturers have at most three authorities. */
const LONGEST_CHAIN = 5;

/** Certificates of authorities from a file with one or more of them in PEM form, or one in DER. */
export function readAuthorities(bytes: Buffer): X509Certificate[] {
  const blocks = bytes
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  try {
    return (blocks ?? [bytes]).map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new MeasurementError(
      `not certificates: ${(cause as Error).message}`,
      "give the TPM manufacturer's root, and intermediate authorities, in PEM form",
      { cause },
    );
  }
}

/**
 * What keeps an endorsement key's certificate from being issued under one of the self-signed `authorities`, through others of
 * them: each signature, name, authority bit and date is checked. Revocation is not looked at.
 * @param certificate DER
 */
export function ekChainProblems(
  certificate: Uint8Array,
  authorities: readonly X509Certificate[],
  now: Date = new Date(),
): string[] {
  let current: X509Certificate;
  try {
    current = new X509Certificate(certificate);
  } catch {
    return ['the EK certificate is no certificate'];
  }
  const problems: string[] = [];
  const uses = current.keyUsage;
  if (current.ca || (uses !== undefined && !uses.includes(EK_CERTIFICATE))) {
    problems.push('the EK certificate is not one of an endorsement key');
  }
  for (let length = 0; length < LONGEST_CHAIN; length++) {
    const name = length === 0 ? 'the EK certificate' : `the certificate of ${oneLine(current)}`;
    if (now < current.validFromDate || now > current.validToDate) {
      problems.push(`${name} is valid from ${current.validFrom} to ${current.validTo} only`);
    }
    if (length > 0 && isIssuedBy(current, current)) return problems;
    const issuer = authorities.find((authority) => isIssuedBy(current, authority));
    if (issuer === undefined) {
      return [...problems, `${name} was not issued by any of the given authorities`];
    }
    current = issuer;
  }
  return [...problems, `the EK certificate has no root within ${LONGEST_CHAIN} steps`];
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return (
    authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
  );
}

function oneLine({ subject }: X509Certificate): string {
  return JSON.stringify(subject?.replaceAll('\n', ', ') ?? '');
}
