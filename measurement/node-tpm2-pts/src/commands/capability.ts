import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_CAP } from '../constants.ts';
import { type PcrSelection, readPcrSelections } from '../structures/pcr-selection.ts';
import type { Tpm } from '../tpm.ts';

/** More than any TPM returns at once (MAX_CAP_BUFFER is 1024 bytes). */
const MAX_ITEMS = 1024;

/** One TPM2_GetCapability (Part 3, 30.2): TPMI_YES_NO moreData, then TPMS_CAPABILITY_DATA (Part 2, 10.10.2). */
async function getCapability(tpm: Tpm, capability: number, first: number, count: number) {
  const parameters = new Writer().u32(capability).u32(first).u32(count);
  const data = await tpm.execute({ command: 'GetCapability', parameters });
  const more = data.u8('moreData') !== 0;
  const answered = data.u32('capability');
  if (answered !== capability) {
    throw data.error(`capability ${answered} came, ${capability} was asked for`);
  }
  return { more, data };
}

/** Lists a capability whose items are numbered, asking again from the last number while the TPM has more. */
async function list<T extends { id: number }>(
  tpm: Tpm,
  capability: number,
  first: number,
  read: (data: Reader) => T,
): Promise<T[]> {
  const items: T[] = [];
  for (let next = first; ; ) {
    const { more, data } = await getCapability(tpm, capability, next, MAX_ITEMS);
    const known = items.length;
    for (let left = data.count('capability items', MAX_ITEMS); left > 0; left--) {
      const item = read(data);
      if (item.id < next) throw data.error(`item 0x${item.id.toString(16)} is out of order`);
      items.push(item);
      next = item.id + 1;
    }
    data.end();
    if (!more) return items;
    if (items.length === known) throw data.error('the TPM promises more but sends nothing');
  }
}

/** The active PCR banks, each with the PCRs that exist in it. */
export async function pcrBanks(tpm: Tpm): Promise<PcrSelection[]> {
  const { data } = await getCapability(tpm, TPM_CAP.PCRS, 0, 1);
  const banks = readPcrSelections(data);
  data.end();
  return banks;
}

/** TPM properties (TPM_PT) by number, from `first` on. */
export async function tpmProperties(tpm: Tpm, first = 0x100): Promise<Map<number, number>> {
  const items = await list(tpm, TPM_CAP.TPM_PROPERTIES, first, (data) => ({
    id: data.u32('property'),
    value: data.u32('value'),
  }));
  return new Map(items.map(({ id, value }) => [id, value]));
}

/** Handles that exist, from `first` on within its kind: 0x80000000 transient, 0x81000000 persistent, 0x01000000 NV. */
export async function handles(tpm: Tpm, first: number): Promise<number[]> {
  const items = await list(tpm, TPM_CAP.HANDLES, first, (data) => ({ id: data.u32('handle') }));
  return items.map(({ id }) => id);
}
