import { nvRead, nvReadPublic } from './commands/nv.ts';
import { TpmError, TpmFormatError } from './errors.ts';
import type { EkType } from './templates.ts';
import type { Tpm } from './tpm.ts';

/** Where manufacturers put the certificates of the L-1, L-2 and H-3 keys. TCG EK Credential Profile 2.5, 2.2.1.4 and 2.2.1.5. */
const INDICES: Readonly<Record<EkType, number>> = {
  'rsa-2048': 0x01c00002,
  'ecc-p256': 0x01c0000a,
  'ecc-p384': 0x01c00016,
};

/** Reads the endorsement key's certificate (DER) from NV; undefined when the TPM has none. */
export async function readEkCertificate(tpm: Tpm, type: EkType): Promise<Buffer | undefined> {
  const index = INDICES[type];
  let size: number;
  try {
    ({ size } = await nvReadPublic(tpm, index));
  } catch (error) {
    if (error instanceof TpmError && error.response.name === 'TPM_RC_HANDLE') return undefined;
    throw error;
  }
  return trimDer(await nvRead(tpm, index, { size }));
}

/** The index may be larger than the certificate in it: cuts after the outer ASN.1 SEQUENCE. X.690, 8.1.3. */
function trimDer(bytes: Buffer): Buffer {
  const first = bytes[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (bytes[0] !== 0x30 || lengthBytes > 2 || bytes.length < 2 + lengthBytes) {
    throw new TpmFormatError('EK certificate: the NV index does not begin with a DER SEQUENCE');
  }
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const end = 2 + lengthBytes + length;
  if (end > bytes.length) {
    throw new TpmFormatError(`EK certificate: ${end} bytes claimed, the index has ${bytes.length}`);
  }
  return bytes.subarray(0, end);
}
