/** GUIDs of UEFI, as text; {@link guidBytes} gives them as they stand in memory. */

/** EFI_GLOBAL_VARIABLE: owner of SecureBoot, PK and KEK. UEFI 2.10, 3.3. */
export const EFI_GLOBAL_VARIABLE = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** EFI_IMAGE_SECURITY_DATABASE_GUID: owner of db, dbx, dbt and dbr. UEFI 2.10, 32.6.1. */
export const EFI_IMAGE_SECURITY_DATABASE = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';

/** Kinds of signatures in a list: a certificate in DER, the SHA-256 of an image. UEFI 2.10, 32.4.1. */
export const EFI_CERT_X509 = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';
export const EFI_CERT_SHA256 = 'c1c41626-504c-4092-aca9-41f936934328';

/** The 16 bytes of a GUID in its text form: the first three fields are little-endian. UEFI 2.10, appendix A. */
export function guidBytes(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
