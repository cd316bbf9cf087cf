import { type CertificateFields, EXTENSION, extension } from './certificate-fields.ts';
import { DER, type DerElement, DerError, oidOf, onlyElement, partsOf } from './der.ts';

/** The forms of GeneralName that are told apart, by their tag. RFC 5280, 4.2.1.6. */
export const NAME_FORM = { email: 0x81, dns: 0x82, directory: 0xa4 } as const;

export interface GeneralName {
  /** The tag that says which form it has. */
  readonly form: number;
  /** Of a directory name its RDNs, written alike where they are equal; of another form its bytes as Latin-1. */
  readonly parts: readonly string[];
}

interface Attribute {
  readonly type: string;
  /** Text as RFC 5280, 7.1 compares it, as far as OpenSSL does: blanks and the case of ASCII letters make no difference. */
  readonly value: string;
}

const COMMON_NAME = '2.5.4.3';
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** A name, or the base of a subtree. */
export function generalName({ tag, content }: DerElement): GeneralName {
  if (tag === NAME_FORM.directory) return directoryName(onlyElement(content));
  return { form: tag, parts: [content.toString('latin1')] };
}

/**
 * All names of a certificate that constraints may be about: the subject, the e-mail addresses in it and the alternative names.
 * Where `last`, the common name is a DNS name too if it looks like one and there is no other, as OpenSSL takes it.
 */
export function namesOf(fields: CertificateFields, last: boolean): GeneralName[] {
  const alternatives = extension(fields, EXTENSION.subjectAltName);
  const names =
    alternatives === undefined
      ? []
      : partsOf(onlyElement(alternatives), DER.sequence).map(generalName);
  const hasDns = names.some(({ form }) => form === NAME_FORM.dns);
  const attributes = partsOf(fields.subject, DER.sequence).flatMap(attributesOf);
  for (const { type, value } of attributes) {
    if (type === EMAIL_ADDRESS) names.push({ form: NAME_FORM.email, parts: [value] });
    if (last && type === COMMON_NAME && !hasDns && /^[\w-]+(\.[\w-]+)+$/.test(value)) {
      names.push({ form: NAME_FORM.dns, parts: [value] });
    }
  }
  return attributes.length === 0 ? names : [...names, directoryName(fields.subject)];
}

/** Whether two certificates' names are the same. */
export function sameDirectoryName(one: DerElement, other: DerElement): boolean {
  return directoryName(one).parts.join() === directoryName(other).parts.join();
}

function directoryName(name: DerElement): GeneralName {
  const parts = partsOf(name, DER.sequence).map((rdn) =>
    JSON.stringify(
      attributesOf(rdn)
        .map(({ type, value }) => `${type}=${value}`)
        .sort(),
    ),
  );
  return { form: NAME_FORM.directory, parts };
}

function attributesOf(rdn: DerElement): Attribute[] {
  return partsOf(rdn, DER.set).map((attribute) => {
    const [type, value, ...more] = partsOf(attribute, DER.sequence);
    if (value === undefined || more.length > 0) throw new DerError('an attribute of other parts');
    return { type: oidOf(type), value: textOf(value) };
  });
}

/** Values that are no text are compared by their bytes. */
function textOf({ tag, content }: DerElement): string {
  const decode = STRINGS[tag];
  if (decode === undefined) return `#${tag.toString(16)}${content.toString('hex')}`;
  return decode(content)
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[ \t-\r]+/g, ' ')
    .replace(/^ | $/g, '');
}

const latin1 = (content: Buffer) => content.toString('latin1');

/** DirectoryString and the strings of one byte by their tags. X.690, 8.23. */
const STRINGS: Readonly<Record<number, (content: Buffer) => string>> = {
  12: (content) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(content),
  19: latin1,
  20: latin1,
  22: latin1,
  26: latin1,
  28: (content) => {
    if (content.length % 4 !== 0) throw new DerError('a UniversalString that is cut off');
    const points = Array.from({ length: content.length / 4 }, (_, i) =>
      content.readUInt32BE(4 * i),
    );
    if (points.some((point) => point > 0x10ffff)) throw new DerError('no Unicode');
    return String.fromCodePoint(...points);
  },
  30: (content) => {
    if (content.length % 2 !== 0) throw new DerError('a BMPString that is cut off');
    return Buffer.from(content).swap16().toString('utf16le');
  },
};
