import { X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import {
  DER,
  type DerElement,
  DerError,
  firstElement,
  onlyElement,
  partsOf,
  readDer,
} from '../evidence/x509/der.ts';
import { MAX_HEADERS, PeError, parsePe } from './pe.ts';

/** One Authenticode signature of a file: whose it is, and the further certificates that it brings. */
export interface ImageSignature {
  readonly signer: X509Certificate;
  readonly others: readonly X509Certificate[];
}

/** Bytes; a signature with its certificates has some thousand. */
const MAX_TABLE = 1 << 20;

/** WIN_CERTIFICATE: its length, revision and type; each begins at a multiple of 8. PE Format, "The Attribute Certificate Table". */
const HEAD = 8;
const PKCS_SIGNED_DATA = 0x0002;

/** The tag of SignedData's certificates, and of what ContentInfo holds. RFC 2315, 7 and 9.1. */
const TAGGED_0 = 0xa0;

/**
 * The signatures in a PE file, in the order in which firmware tries them. Whether they are right is for firmware to say.
 * @throws {PeError} when the file is no PE image, or a signature cannot be read
 */
export async function imageSignatures(path: string): Promise<ImageSignature[]> {
  const table = await certificateTable(path);
  const signatures: ImageSignature[] = [];
  for (let at = 0; at + HEAD <= table.length; ) {
    const length = table.readUInt32LE(at);
    if (length < HEAD || at + length > table.length) throw unreadable('an entry is cut off');
    if (table.readUInt16LE(at + 6) === PKCS_SIGNED_DATA) {
      signatures.push(signatureIn(table.subarray(at + HEAD, at + length)));
    }
    at = Math.ceil((at + length) / 8) * 8;
  }
  return signatures;
}

async function certificateTable(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(size, MAX_HEADERS));
    await file.read(start, 0, start.length, 0);
    const { certificates } = parsePe(start, size);
    if (certificates === undefined) return Buffer.alloc(0);
    if (certificates.size > MAX_TABLE) throw unreadable(`${certificates.size} bytes of them`);
    const table = Buffer.alloc(certificates.size);
    await file.read(table, 0, table.length, certificates.offset);
    return table;
  } finally {
    await file.close();
  }
}

/** ContentInfo with SignedData: version, digest algorithms, contents, certificates, perhaps revocations, signers. RFC 2315, 9.1. */
function signatureIn(entry: Buffer): ImageSignature {
  try {
    // An entry may be filled up with zeros.
    const [, wrapped] = partsOf(firstElement(entry), DER.sequence);
    const [content] = partsOf(wrapped, TAGGED_0);
    const parts = partsOf(content, DER.sequence);
    const bundle = parts.find(({ tag }) => tag === TAGGED_0)?.content ?? Buffer.alloc(0);
    const [signerInfo] = partsOf(parts.at(-1), DER.set);
    const [, name] = partsOf(signerInfo, DER.sequence);
    const [issuer, serial] = partsOf(name, DER.sequence);
    const certificates = readDer(bundle).map(({ raw }) => raw);
    const own = certificates.find((each) => isNamed(each, issuer, serial));
    if (own === undefined) throw unreadable("the signer's certificate is missing");
    const others = certificates.filter((each) => each !== own);
    return { signer: certificate(own), others: others.map(certificate) };
  } catch (error) {
    if (error instanceof DerError) throw unreadable(error.message);
    throw error;
  }
}

/** Whether issuer and serial number in TBSCertificate are these: [version], serial number, signature, issuer. RFC 5280, 4.1. */
function isNamed(der: Buffer, issuer: DerElement | undefined, serial: DerElement | undefined) {
  const [toBeSigned] = partsOf(onlyElement(der), DER.sequence);
  const fields = partsOf(toBeSigned, DER.sequence);
  const [number, , name] = fields[0]?.tag === DER.integer ? fields : fields.slice(1);
  if (!issuer || !serial) throw new DerError('the signer has no name');
  return name?.raw.equals(issuer.raw) === true && number?.raw.equals(serial.raw) === true;
}

function certificate(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw unreadable((error as Error).message);
  }
}

function unreadable(what: string): PeError {
  return new PeError(
    `PE image: its signature can't be read: ${what}`,
    'sign the file again, with sbsign or "domb image --efi-key"',
  );
}
