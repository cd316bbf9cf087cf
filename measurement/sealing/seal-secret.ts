import {
  create,
  type HashAlgorithm,
  type PcrValues,
  pcrBanks,
  pcrRead,
  sealedTemplate,
  selectionOf,
  type Tpm,
  withHmacSession,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import type { SealedSecret } from './sealed-files.ts';
import { type Branch, sealedPolicy } from './sealed-policy.ts';
import { type OwnerValue, withStorageKey } from './storage-key.ts';

/** What a TPM seals at most. TPM 2.0 Library, Part 2, MAX_SYM_DATA. */
export const MAX_SECRET = 128;

/**
 * Seals a secret of 1 to {@link MAX_SECRET} bytes so that each of the branches opens it. It is encrypted on its way to the TPM.
 * @throws {MeasurementError} for a bank or register that the TPM does not have, and for a secret of another size
 */
export async function sealSecret(
  tpm: Tpm,
  data: Uint8Array,
  branches: readonly Branch[],
  owner: OwnerValue = {},
): Promise<SealedSecret> {
  if (data.length === 0 || data.length > MAX_SECRET) {
    throw new MeasurementError(
      `a secret of ${data.length > MAX_SECRET ? `more than ${MAX_SECRET}` : data.length} bytes: a TPM seals 1 to ${MAX_SECRET}`,
      'seal a random key, and encrypt with that',
    );
  }
  const policy = sealedPolicy(branches);
  for (const branch of branches) if ('values' in branch) await requireRegisters(tpm, branch.values);
  return withStorageKey(tpm, owner, (parent) =>
    withHmacSession(tpm, parent, async (session) => {
      const options = { data, session };
      const object = await create(tpm, parent.handle, sealedTemplate(policy), options);
      return { object, parent: parent.publicArea, branches };
    }),
  );
}

/** A policy over registers that the TPM does not have would be satisfied by nothing, or by anything. */
async function requireRegisters(tpm: Tpm, values: PcrValues): Promise<void> {
  const banks = await pcrBanks(tpm);
  for (const { bank, pcrs } of selectionOf(values)) {
    const there = banks.find((each) => each.bank === bank);
    if (there === undefined) {
      const names = banks.map((each) => each.bank).join(', ') || 'none';
      throw new MeasurementError(
        `${tpm.description}: the TPM has no PCRs in bank ${bank}; its banks are: ${names}`,
        'choose another one with --bank, or have firmware or tpm2_pcrallocate activate it',
      );
    }
    const lacking = pcrs.filter((pcr) => !there.pcrs.includes(pcr));
    if (lacking.length === 0) continue;
    throw new MeasurementError(
      `${tpm.description}: the TPM has no PCR ${lacking.join(', ')} in bank ${bank}`,
      'choose another bank with --bank',
    );
  }
}

/** A register that holds something else than it is expected to. */
export interface OtherValue {
  readonly bank: HashAlgorithm;
  readonly pcr: number;
  readonly expected: Buffer;
  readonly holds: Buffer;
}

/** Which of these registers hold other values now; none when the platform is in that state. */
export async function otherValues(tpm: Tpm, values: PcrValues): Promise<OtherValue[]> {
  const now = await pcrRead(tpm, selectionOf(values));
  return [...values].flatMap(([bank, byPcr]) =>
    [...byPcr].flatMap(([pcr, expected]) => {
      const holds = now.get(bank)?.get(pcr) ?? Buffer.alloc(0);
      return holds.equals(expected) ? [] : [{ bank, pcr, expected, holds }];
    }),
  );
}
