import { type HashAlgorithm, hashId, hashSize } from '../algorithms.ts';
import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_RH } from '../constants.ts';
import { TpmFormatError } from '../errors.ts';
import {
  type PcrSelection,
  readPcrSelections,
  writePcrSelections,
} from '../structures/pcr-selection.ts';
import type { Tpm } from '../tpm.ts';

/** TPML_DIGEST holds at most 8 digests. Part 2, 10.9.5. */
const MAX_DIGESTS = 8;
/** How often to begin again when somebody extends a PCR between two reads. */
const MAX_ATTEMPTS = 10;

export type Digests = ReadonlyMap<HashAlgorithm, Uint8Array>;
/** PCR values by bank, then by PCR number. */
export type PcrValues = Map<HashAlgorithm, Map<number, Buffer>>;

/**
 * TPM2_PCR_Extend (Part 3, 22.2): extends `pcr` in every bank that `digests` names, in one command, so that the banks
 * never disagree about what happened.
 */
export async function pcrExtend(tpm: Tpm, pcr: number, digests: Digests): Promise<void> {
  const parameters = new Writer().list([...digests], ([bank, digest], to) => {
    if (digest.length !== hashSize(bank)) {
      throw new RangeError(`${bank}: a digest of ${digest.length} bytes, not ${hashSize(bank)}`);
    }
    to.u16(hashId(bank)).bytes(digest);
  });
  const response = await tpm.execute({
    command: 'PCR_Extend',
    handles: [pcr],
    authorizations: [password()],
    parameters,
  });
  response.end();
}

/** TPM2_PCR_Reset (Part 3, 22.8): PCRs 16 and 23 from locality 0. */
export async function pcrReset(tpm: Tpm, pcr: number): Promise<void> {
  const response = await tpm.execute({
    command: 'PCR_Reset',
    handles: [pcr],
    authorizations: [password()],
  });
  response.end();
}

/**
 * TPM2_PCR_Allocate (Part 3, 22.5), by the platform hierarchy: from its next reset on the TPM has these banks, with the PCRs named, and
 * those that are named without a PCR it has no more. Others stay as they are.
 */
export async function pcrAllocate(
  tpm: Tpm,
  selections: readonly PcrSelection[],
  authorization: Authorization = password(),
): Promise<void> {
  const parameters = new Writer();
  writePcrSelections(parameters, selections);
  const response = await tpm.execute({
    command: 'PCR_Allocate',
    handles: [TPM_RH.PLATFORM],
    authorizations: [authorization],
    parameters,
  });
  const allocated = response.u8('allocationSuccess') === 1;
  const [, needed, available] = ['maxPCR', 'sizeNeeded', 'sizeAvailable'].map((field) =>
    response.u32(field),
  );
  response.end();
  if (!allocated) {
    throw response.error(`banks that take ${needed} bytes do not fit into ${available}`);
  }
}

/**
 * TPM2_PCR_Read (Part 3, 22.4): the values of all PCRs in `selections`, as of one moment: when the TPM's update
 * counter moves between two partial reads, all are read again.
 */
export async function pcrRead(tpm: Tpm, selections: readonly PcrSelection[]): Promise<PcrValues> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const values = await readOnce(tpm, selections);
    if (values) return values;
  }
  throw new TpmFormatError(
    `${tpm.description}: PCRs changed during each of ${MAX_ATTEMPTS} attempts to read them`,
  );
}

async function readOnce(tpm: Tpm, selections: readonly PcrSelection[]) {
  const values: PcrValues = new Map(selections.map(({ bank }) => [bank, new Map()]));
  let counter: number | undefined;
  for (let wanted = remaining(selections, values); wanted.length > 0; ) {
    const part = await readPart(tpm, wanted);
    counter ??= part.counter;
    if (part.counter !== counter) return undefined;
    for (const { bank, pcr, value } of part.values) values.get(bank)?.set(pcr, value);
    wanted = remaining(selections, values);
  }
  return values;
}

function remaining(selections: readonly PcrSelection[], values: PcrValues): PcrSelection[] {
  return selections
    .map(({ bank, pcrs }) => ({ bank, pcrs: pcrs.filter((pcr) => !values.get(bank)?.has(pcr)) }))
    .filter(({ pcrs }) => pcrs.length > 0);
}

async function readPart(tpm: Tpm, wanted: readonly PcrSelection[]) {
  const parameters = new Writer();
  writePcrSelections(parameters, wanted);
  const response = await tpm.execute({ command: 'PCR_Read', parameters });
  const counter = response.u32('pcrUpdateCounter');
  const selected = readPcrSelections(response).flatMap(({ bank, pcrs }) =>
    pcrs.map((pcr) => ({ bank, pcr })),
  );
  const count = response.count('digests', MAX_DIGESTS);
  if (count !== selected.length) {
    throw response.error(`${count} digests for ${selected.length} selected PCRs`);
  }
  if (count === 0) {
    const what = wanted.map(({ bank, pcrs }) => `${bank}:${pcrs.join(',')}`).join(' ');
    throw response.error(`the TPM has no value for ${what}`);
  }
  const values = selected.map(({ bank, pcr }) => {
    if (!wanted.some((one) => one.bank === bank && one.pcrs.includes(pcr))) {
      throw response.error(`PCR ${pcr} of ${bank} came, which was not asked for`);
    }
    const value = Buffer.from(response.sized(`value of PCR ${pcr}`, 64));
    if (value.length !== hashSize(bank)) {
      throw response.error(`PCR ${pcr} of ${bank} has ${value.length} bytes`);
    }
    return { bank, pcr, value };
  });
  response.end();
  return { counter, values };
}
