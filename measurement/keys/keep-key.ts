import { evictControl, handles, TPM_RH, type Tpm } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { AK_HANDLE, keptKey, withAttestationKey } from './attestation-key.ts';
import { type HierarchyValues, withHierarchies } from './hierarchies.ts';

/**
 * Has the TPM keep the AK at {@link AK_HANDLE}: the owner decides what is kept, of the endorsement hierarchy, too (TPM 2.0 Library,
 * Part 3, 28.5).
 * @returns its name, and whether it was kept before
 * @throws {MeasurementError} when something else has the handle
 */
export async function keepAttestationKey(
  tpm: Tpm,
  values: HierarchyValues,
): Promise<{ name: Buffer; before: boolean }> {
  const known = await keptKey(tpm);
  if (known !== undefined) return { name: known.name, before: true };
  await requireFree(tpm);
  return withAttestationKey(tpm, values, async ({ handle, name }) => {
    await evict(tpm, handle, values);
    return { name, before: false };
  });
}

/**
 * Removes it.
 * @returns false when there was none
 * @throws {MeasurementError} when something else has the handle
 */
export async function forgetAttestationKey(tpm: Tpm, values: HierarchyValues): Promise<boolean> {
  if ((await keptKey(tpm)) === undefined) {
    await requireFree(tpm);
    return false;
  }
  await evict(tpm, AK_HANDLE, values);
  return true;
}

async function evict(tpm: Tpm, object: number, { owner }: HierarchyValues): Promise<void> {
  await withHierarchies(tpm, owner ? { owner } : {}, (authorize) =>
    evictControl(tpm, object, AK_HANDLE, { by: TPM_RH.OWNER, authorization: authorize('owner') }),
  );
}

async function requireFree(tpm: Tpm): Promise<void> {
  const [first] = await handles(tpm, AK_HANDLE);
  if (first !== AK_HANDLE) return;
  const hex = `0x${AK_HANDLE.toString(16)}`;
  throw new MeasurementError(
    `${tpm.description}: at ${hex} the TPM keeps something else than the attestation key`,
    `look at it with "tpm2_readpublic -c ${hex}", and remove it with "tpm2_evictcontrol -c ${hex}" if nobody needs it`,
  );
}
