import { policySession } from './authorization.ts';
import { flushContext } from './commands/context.ts';
import { create, load, unsealObject, type WrappedObject } from './commands/object.ts';
import type { PcrValues } from './commands/pcr.ts';
import { policyPcr } from './commands/policy.ts';
import { withPolicySession } from './commands/session.ts';
import { pcrPolicyDigest } from './policy-digest.ts';
import type { PcrSelection } from './structures/pcr-selection.ts';
import { sealedTemplate } from './templates.ts';
import type { Tpm } from './tpm.ts';

/**
 * Seals `data` (at most 128 bytes: a key) under the storage key `parent`, to be opened only while the PCRs have `values`.
 * They need not have them now.
 */
export function seal(
  tpm: Tpm,
  parent: number,
  data: Uint8Array,
  values: PcrValues,
): Promise<WrappedObject> {
  return create(tpm, parent, sealedTemplate(pcrPolicyDigest(values)), { data });
}

/**
 * Opens sealed data with the present PCR values. `selections` must be the PCRs it was sealed to, in the same order.
 * @throws {TpmError} TPM_RC_POLICY_FAIL when the PCRs have other values
 */
export async function unseal(
  tpm: Tpm,
  parent: number,
  sealed: WrappedObject,
  selections: readonly PcrSelection[],
): Promise<Buffer> {
  const { handle } = await load(tpm, parent, sealed);
  try {
    return await withPolicySession(tpm, async (session) => {
      await policyPcr(tpm, session, selections);
      return await unsealObject(tpm, handle, policySession(session, { keep: true }));
    });
  } finally {
    await flushContext(tpm, handle);
  }
}
