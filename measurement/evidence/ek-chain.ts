import { X509Certificate } from 'node:crypto';
import { MeasurementError } from '../errors.ts';
import { GUEST_STATEMENT } from '../guest-tpm/certificate.ts';
import {
  basicConstraints,
  type CertificateFields,
  certificateFields,
  EXTENSION,
  extendedKeyUsage,
  extension,
} from './x509/certificate-fields.ts';
import { namesOf, sameDirectoryName } from './x509/general-names.ts';
import { constraintProblem, nameConstraints } from './x509/name-constraints.ts';
import { weakKey, weakSignature } from './x509/strength.ts';

/** tcg-kp-EKCertificate: what the key of the certificate is for. TCG EK Credential Profile 2.5, 3.2.16. */
const EK_CERTIFICATE = '2.23.133.8.1';

/** From the endorsement key to the root; manufacturers have at most three authorities. */
const LONGEST_CHAIN = 5;

/** Bytes. TPMs keep certificates of one or two thousand; larger ones would only keep the verifier busy. */
const MAX_CERTIFICATE_SIZE = 16 * 1024;

/**
 * Extensions that may be critical, since what they ask for is done, or concerns no endorsement key. Whether a certificate was
 * revoked (crlDistributionPoints) is not looked at, and the verdict says so. Policies are only demanded by the extensions that
 * are missing here.
 */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(EXTENSION));

/** One certificate of a path. */
interface Link {
  readonly certificate: X509Certificate;
  readonly fields: CertificateFields;
}

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

/** How a certificate's chain is judged. */
export interface EkChain {
  /** What keeps the certificate from being good; nothing when it is. */
  readonly problems: readonly string[];
  /** The self-signed authority at its end, where there is one. */
  readonly root?: X509Certificate;
}

/**
 * Judges whether an endorsement key's certificate was issued under one of the self-signed `authorities`, through others of
 * them, by RFC 5280, 6.1: signatures, names, dates, authority bits, path lengths, name constraints and unknown critical
 * extensions. Revocation is not looked at. Of several paths it is the one with the fewest problems.
 * @param certificate DER
 */
export function ekChain(
  certificate: Uint8Array,
  authorities: readonly X509Certificate[],
  now: Date = new Date(),
): EkChain {
  if (certificate.length > MAX_CERTIFICATE_SIZE) {
    return { problems: [`the EK certificate is larger than ${MAX_CERTIFICATE_SIZE} bytes`] };
  }
  let link: Link;
  let own: string[];
  try {
    link = linkOf(new X509Certificate(certificate));
    own = endorsementKeyProblems(link);
  } catch {
    return { problems: ['the EK certificate is no certificate'] };
  }
  const { problems, ...best } = bestPath([link], authorities.map(linkOf), now);
  return { problems: [...own, ...problems], ...best };
}

/** The problems alone. */
export function ekChainProblems(...chain: Parameters<typeof ekChain>): readonly string[] {
  return ekChain(...chain).problems;
}

function endorsementKeyProblems({ fields }: Link): string[] {
  // Whoever takes the authority of a boot for a manufacturer must not take its guests for machines.
  if (extension(fields, GUEST_STATEMENT) !== undefined) {
    return ["the EK certificate is one of a guest's TPM, not of a machine's"];
  }
  const uses = extendedKeyUsage(fields);
  const isOne = !basicConstraints(fields).ca && (uses?.includes(EK_CERTIFICATE) ?? true);
  return isOne ? [] : ['the EK certificate is not one of an endorsement key'];
}

/** Fields are decoded when they are looked at, so that authorities that can't be read trouble nobody whom they did not issue. */
const linkOf = (certificate: X509Certificate): Link => ({
  certificate,
  get fields() {
    return certificateFields(certificate.raw);
  },
});

/**
 * The best continuation of `path`, from its last certificate on. Authorities are the verifier's own, few, and each is in a path
 * once.
 */
function bestPath(path: readonly Link[], authorities: readonly Link[], now: Date): EkChain {
  const current = path.at(-1) as Link;
  const isRoot = path.length > 1 && isIssuedBy(current, current);
  const own = attempt(current, path, () => linkProblems(path, isRoot, now));
  if (isRoot) return { problems: own, root: current.certificate };
  if (path.length === LONGEST_CHAIN) {
    const tooLong = `the EK certificate has no root within ${LONGEST_CHAIN} steps`;
    return { problems: [...own, tooLong] };
  }
  const continuations = authorities
    .filter((authority) => !path.some((link) => isSame(link, authority)))
    .filter((authority) => isIssuedBy(current, authority))
    .map((authority) => bestPath([...path, authority], authorities, now));
  const [best] = continuations.sort((one, other) => one.problems.length - other.problems.length);
  const nobody = `${nameIn(path, current)} was not issued by any of the given authorities`;
  return { ...best, problems: [...own, ...(best?.problems ?? [nobody])] };
}

/** What is wrong with the last certificate of a path, and with those below it for what it says of them. */
function linkProblems(path: readonly Link[], isRoot: boolean, now: Date): string[] {
  const { certificate, fields } = path.at(-1) as Link;
  const below = path.slice(0, -1);
  const problems: string[] = [];
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (!(from <= now && now <= to)) {
    problems.push(`is valid from ${certificate.validFrom} to ${certificate.validTo} only`);
  }
  problems.push(...extensionProblems(fields));
  // A root is trusted for being given; its own signature shows nothing.
  const weak = [
    isRoot ? undefined : weakSignature(fields.signature),
    weakKey(certificate.publicKey),
  ];
  problems.push(...weak.filter((problem) => problem !== undefined));
  if (below.length > 0) problems.push(...authorityProblems(fields, below));
  return problems.map((problem) => `${nameIn(path, path.at(-1) as Link)} ${problem}`);
}

function extensionProblems({ extensions }: CertificateFields): string[] {
  const problems = extensions
    .filter(({ critical, oid }) => critical && !UNDERSTOOD.has(oid))
    .map(({ oid }) => `has a critical extension that is not known here, ${oid}`);
  const oids = extensions.map(({ oid }) => oid);
  const twice = new Set(oids.filter((oid, i) => oids.indexOf(oid) !== i));
  return [...problems, ...[...twice].map((oid) => `has the extension ${oid} twice`)];
}

/** Self-issued certificates, as of an authority that changes its key, count for neither length nor names. RFC 5280, 6.1.4. */
function authorityProblems(fields: CertificateFields, below: readonly Link[]): string[] {
  const problems: string[] = [];
  const { ca, longest } = basicConstraints(fields);
  if (!ca) problems.push('is not one of an authority');
  const counted = below.filter((link, i) => i === 0 || !isSelfIssued(link));
  const length = counted.length - 1;
  if (length > longest) {
    problems.push(`allows ${longest} authorities below it, and has ${length}`);
  }
  const constraints = nameConstraints(fields);
  if (constraints === undefined) return problems;
  const complaints = counted.flatMap((link) =>
    namesOf(link.fields, link === below[0])
      .map((name) => constraintProblem(constraints, name))
      .filter((problem) => problem !== undefined)
      .map((problem) => `${problem} of ${nameIn(below, link)}`),
  );
  return [...problems, ...new Set(complaints)];
}

const isSelfIssued = ({ fields }: Link) => sameDirectoryName(fields.subject, fields.issuer);

const isSame = (one: Link, other: Link) => one.certificate.raw.equals(other.certificate.raw);

/** Names, key identifiers and keyUsage as OpenSSL compares them, and the signature. */
function isIssuedBy({ certificate }: Link, { certificate: authority }: Link): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false; // A key or signature of a kind that OpenSSL does not know.
  }
}

/** Extensions, names and keys are decoded while they are judged: what can't be decoded is refused. */
function attempt(link: Link, path: readonly Link[], judge: () => string[]): string[] {
  try {
    return judge();
  } catch (error) {
    return [`${nameIn(path, link)} can't be read: ${(error as Error).message}`];
  }
}

function nameIn([first]: readonly Link[], link: Link): string {
  return link === first ? 'the EK certificate' : `the certificate of ${oneLine(link.certificate)}`;
}

function oneLine({ subject }: X509Certificate): string {
  return JSON.stringify(subject?.replaceAll('\n', ', ') ?? '');
}
