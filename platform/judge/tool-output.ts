/** Readers for what Xen's and the TPM's stock tools print. */

export interface ListedDomain {
  name: string;
  domid: number;
  /** xl's six state letters, for example `r-----`. */
  state: string;
  seclabel: string;
}

/** Parses `xl list -Z`: name, ID, memory, vcpus, state, time, label. */
export function parseXlList(text: string): ListedDomain[] {
  const row = /^(\S+)\s+(\d+)\s+\d+\s+\d+\s+(\S+)\s+[\d.]+\s+(\S+)\s*$/gm;
  return [...text.matchAll(row)].map(([, name, domid, state, seclabel]) => ({
    name: name as string,
    domid: Number(domid),
    state: state as string,
    seclabel: seclabel as string,
  }));
}

/** Parses `xl list -v` for the UUIDs, by domid. */
export function parseXlUuids(text: string): Map<number, string> {
  const row = /^\S+\s+(\d+)\s.*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/gm;
  return new Map([...text.matchAll(row)].map(([, domid, uuid]) => [Number(domid), uuid as string]));
}

/** A number from `xl info`, for example `free_memory` in MiB. */
export function xlInfo(text: string, key: string): number | undefined {
  const value = new RegExp(`^${key}\\s*:\\s*(\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** Digest by bank, for one PCR. */
export type PcrByBank = Map<string, string>;

/** One PCR of `tpm2_pcrread`'s output; banks without it are left out. */
export function parsePcrRead(text: string, pcr: number): PcrByBank {
  return pcrValues(text, pcr);
}

/** One PCR of what `tpm2_eventlog` replayed: the section `pcrs:` at the end of its output. */
export function parseEventLogPcr(text: string, pcr: number): PcrByBank {
  return pcrValues(text.slice(text.lastIndexOf('\npcrs:')), pcr);
}

function pcrValues(text: string, pcr: number): PcrByBank {
  const values: PcrByBank = new Map();
  let bank = '';
  for (const line of text.split('\n')) {
    bank = /^\s*(sha\d+|sm3_256)\s*:\s*$/.exec(line)?.[1] ?? bank;
    const [, index, digest] = /^\s*(\d+)\s*:\s*0x([0-9a-fA-F]+)\s*$/.exec(line) ?? [];
    if (bank && digest && Number(index) === pcr) values.set(bank, digest.toLowerCase());
  }
  return values;
}
