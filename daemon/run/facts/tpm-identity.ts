import { TPM_PT, type Tpm, tpmProperties } from 'node-tpm2-pts';
import type { TpmIdentity } from '../../../boot-scripts/api.ts';

const VENDOR_STRINGS = [
  ...[TPM_PT.VENDOR_STRING_1, TPM_PT.VENDOR_STRING_2],
  ...[TPM_PT.VENDOR_STRING_3, TPM_PT.VENDOR_STRING_4],
];

/** Who made the TPM, and which firmware it runs. TPM 2.0 Library, Part 2, 6.13. */
export async function tpmIdentity(tpm: Tpm): Promise<TpmIdentity> {
  const properties = await tpmProperties(tpm);
  const value = (property: number) => properties.get(property) ?? 0;
  const hex = (property: number) => value(property).toString(16).padStart(8, '0');
  return {
    manufacturer: text([value(TPM_PT.MANUFACTURER)]),
    model: text(VENDOR_STRINGS.map(value)),
    firmware: `${hex(TPM_PT.FIRMWARE_VERSION_1)}.${hex(TPM_PT.FIRMWARE_VERSION_2)}`,
  };
}

/** Four characters in each number, the first in the highest byte. */
function text(words: readonly number[]): string {
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 4 * index);
  return bytes
    .toString('latin1')
    .replaceAll('\0', '')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim();
}
