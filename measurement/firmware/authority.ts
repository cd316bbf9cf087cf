import { X509Certificate } from 'node:crypto';
import { MeasurementError } from '../errors.ts';
import { authenticodeDigests } from './authenticode.ts';
import { EFI_CERT_SHA256, EFI_CERT_X509 } from './efi-guids.ts';
import { type ImageSignature, imageSignatures } from './image-signers.ts';
import { type SignatureEntry, signatureEntries } from './signature-lists.ts';

/** From the signer to a certificate in db. */
const LONGEST_CHAIN = 8;

/**
 * The entry of `db` by which firmware starts `efiFile`: for each of the file's signatures the first certificate that the signer's
 * chain leads to, or else the digest of the file. UEFI 2.10, 32.5.3.3; EDK II looks in this order (SecurityPkg, DxeImageVerificationLib).
 * What dbx forbids is not looked at: such a file does not start.
 * @throws {MeasurementError} when no entry allows it
 * @throws {PeError} when the file is no PE image, or has a signature that cannot be read
 */
export async function allowingEntry(efiFile: string, db: Buffer): Promise<SignatureEntry> {
  const entries = signatureEntries(db, 'db');
  const certificates = entries.flatMap((entry) => {
    const certificate = entry.type === EFI_CERT_X509 ? readable(entry.content) : undefined;
    return certificate === undefined ? [] : [{ entry, certificate }];
  });
  const signatures = await imageSignatures(efiFile);
  for (const signature of signatures) {
    const found = certificates.find(({ certificate }) => leadsTo(signature, certificate));
    if (found !== undefined) return found.entry;
  }
  const digest = (await authenticodeDigests(efiFile, ['sha256'])).get('sha256');
  const byDigest = entries.find(
    ({ type, content }) => type === EFI_CERT_SHA256 && digest?.equals(content),
  );
  if (byDigest !== undefined) return byDigest;
  const signers = signatures.map(({ signer }) => JSON.stringify(signer.subject)).join(', ');
  throw new MeasurementError(
    `${efiFile}: Secure Boot would not start it: ${signers === '' ? 'it is not signed' : `db has no certificate that its signer ${signers} leads to`}`,
    'sign it with a key whose certificate is in db (domb image --efi-key, --efi-cert), or enrol that certificate',
  );
}

/** db may hold certificates that OpenSSL does not understand; none of them is the one. */
function readable(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** Whether the signer's certificate is `anchor`, or was issued under it through others that the signature brings. */
function leadsTo({ signer, others }: ImageSignature, anchor: X509Certificate): boolean {
  let reached = [signer];
  for (let steps = 0; steps < LONGEST_CHAIN && reached.length > 0; steps++) {
    if (reached.some(({ raw }) => raw.equals(anchor.raw))) return true;
    if (reached.some((certificate) => isIssuedBy(certificate, anchor))) return true;
    reached = others.filter((other) => reached.some((below) => isIssuedBy(below, other)));
  }
  return false;
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false; // A key or signature of a kind that OpenSSL does not know.
  }
}
