import { MeasurementError } from '../errors.ts';
import { guid } from '../formats/firmware/guid.ts';

/** One entry of PK, KEK, db or dbx. */
export interface SignatureEntry {
  /** Its kind, a GUID such as EFI_CERT_X509. */
  readonly type: string;
  /** EFI_SIGNATURE_DATA: the owner's GUID, then the certificate or digest. Firmware measures just these bytes. */
  readonly signature: Buffer;
  /** The certificate or digest alone. */
  readonly content: Buffer;
}

/** EFI_SIGNATURE_LIST: type, its own size, that of its header, and that of each signature. */
const HEAD = 28;
/** SignatureOwner. */
const OWNER = 16;

/**
 * The entries of a variable that holds EFI_SIGNATURE_LISTs one behind the other. UEFI 2.10, 32.4.1.
 * @param name for messages
 * @throws {MeasurementError} for bytes that are anything else
 */
export function signatureEntries(bytes: Buffer, name: string): SignatureEntry[] {
  const entries: SignatureEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEAD) throw refused(name, at, 'a list is cut off');
    const type = guid(bytes.subarray(at, at + 16));
    const [size, header, each] = [16, 20, 24].map((offset) => bytes.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const room = size - HEAD - header;
    if (size > bytes.length - at || room < 0) throw refused(name, at, `a list of ${size} bytes`);
    if (each <= OWNER || room % each !== 0) throw refused(name, at, `signatures of ${each} bytes`);
    for (let start = at + HEAD + header; start < at + size; start += each) {
      const signature = bytes.subarray(start, start + each);
      entries.push({ type, signature, content: signature.subarray(OWNER) });
    }
    at += size;
  }
  return entries;
}

function refused(name: string, at: number, what: string): MeasurementError {
  return new MeasurementError(
    `${name}: no EFI signature lists: at byte ${at}: ${what}`,
    'give the variable as firmware holds it (EFI_SIGNATURE_LIST, .esl), not a certificate and not a signed update (.auth)',
  );
}
