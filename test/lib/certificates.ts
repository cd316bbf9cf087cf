import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../platform/lib/run.ts';

/** What `openssl req` makes a certificate from. */
export interface CertificateShape {
  /** As `-subj` takes it. */
  subject: string;
  key: string;
  /** Of the signature: `sha256`. */
  digest: string;
  days: number;
  /** Values as in OpenSSL's configuration, by name or OID. */
  extensions: Readonly<Record<string, string | undefined>>;
  /** Further options of `openssl req`. */
  options: readonly string[];
  /** Changes the certificate; it is signed anew with its issuer's key, which must be of RSA with 2048 bits. */
  edit?: (toBeSigned: Buffer) => Buffer;
}

export interface Issued {
  readonly certificate: X509Certificate;
  /** PEM. */
  readonly file: string;
  readonly keyFile: string;
}

/**
 * The sections that `extensions` may name: a TPM's manufacturer with its model in one RDN, and version; and directories. OpenSSL
 * drops what stands before the first dot, and takes + for the same RDN.
 */
const SECTIONS = `
[tpm]
1.2.23.133.2.1 = id:49465800
2.+2.23.133.2.2 = Some model
3.2.23.133.2.3 = id:0007
[some]
O = Some  Manufacturer
[country]
C = DE
O = Some  Manufacturer
[other]
O = Other Manufacturer
`;

const PEM = { type: 'pkcs8', format: 'pem' } as const;

/** Makes a key and returns its file: RSA by its size in bits, EC by its curve. */
export function keyIn(directory: string, kind: number | string, name = `${kind}`): string {
  const { privateKey } =
    typeof kind === 'number'
      ? generateKeyPairSync('rsa', { modulusLength: kind })
      : generateKeyPairSync('ec', { namedCurve: kind });
  const file = join(directory, `${name}.key`);
  writeFileSync(file, privateKey.export(PEM));
  return file;
}

let count = 0;

/** A certificate by `openssl req`, self-signed without an issuer. */
export async function issue(
  directory: string,
  shape: CertificateShape,
  issuer?: Issued,
): Promise<Issued> {
  const file = join(directory, `${count++}.pem`);
  const lines = Object.entries(shape.extensions).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${value}`],
  );
  writeFileSync(
    `${file}.conf`,
    `[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n[ext]\n${lines.join('\n')}\n${SECTIONS}`,
  );
  await runProgram('openssl', [
    ...['req', '-x509', '-new', '-key', shape.key, '-subj', shape.subject, '-out', file],
    ...['-config', `${file}.conf`, '-extensions', 'ext', `-${shape.digest}`],
    ...['-days', `${shape.days}`, ...shape.options],
    ...(issuer ? ['-CA', issuer.file, '-CAkey', issuer.keyFile] : []),
  ]);
  let certificate = new X509Certificate(readFileSync(file));
  if (shape.edit) {
    const der = signedAnew(certificate.raw, shape.edit, issuer?.keyFile ?? shape.key);
    writeFileSync(file, pemOf(der));
    certificate = new X509Certificate(der);
  }
  return { certificate, file, keyFile: shape.key };
}

/** `edit` keeps the length. Signatures of RSA with 2048 bits are a certificate's last 256 bytes. RFC 5280, 4.1. */
export function signedAnew(
  der: Buffer,
  edit: (toBeSigned: Buffer) => Buffer,
  keyFile: string,
): Buffer {
  const length = 4 + der.readUInt16BE(6);
  const toBeSigned = edit(Buffer.from(der.subarray(4, 4 + length)));
  const key = createPrivateKey(readFileSync(keyFile));
  return Buffer.concat([
    der.subarray(0, 4),
    toBeSigned,
    der.subarray(4 + length, -256),
    sign('sha256', toBeSigned, key),
  ]);
}

export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
