import { policySession } from './authorization.ts';
import { flushContext } from './commands/context.ts';
import { create, load, unsealObject, type WrappedObject } from './commands/object.ts';
import type { PcrValues } from './commands/pcr.ts';
import { policyPcr } from './commands/policy.ts';
import { withPolicySession } from './commands/session.ts';
import type { HmacSession } from './hmac-session.ts';
import { pcrPolicyDigest } from './policy-digest.ts';
import type { PcrSelection } from './structures/pcr-selection.ts';
import { objectName } from './structures/public.ts';
import { sealedTemplate } from './templates.ts';
import type { Tpm } from './tpm.ts';

/** A salted session for the secret on the bus: `startHmacSession`. */
export interface SessionOption {
  readonly session?: HmacSession;
}

/**
 * Seals `data` (at most 128 bytes: a key) under the storage key `parent`, to be opened only while the PCRs have `values`.
 * They need not have them now. With `session` the data is encrypted on its way; it is salted by `parent`, or has the name of
 * `parent` in its `names`.
 */
export function seal(
  tpm: Tpm,
  parent: number,
  data: Uint8Array,
  values: PcrValues,
  { session }: SessionOption = {},
): Promise<WrappedObject> {
  const template = sealedTemplate(pcrPolicyDigest(values));
  return create(tpm, parent, template, session ? { data, session } : { data });
}

/**
 * Opens sealed data with the present PCR values. `selections` must be the PCRs it was sealed to, in the same order. With
 * `session` the data is encrypted on its way.
 * @throws {TpmError} TPM_RC_POLICY_FAIL when the PCRs have other values
 */
export async function unseal(
  tpm: Tpm,
  parent: number,
  sealed: WrappedObject,
  selections: readonly PcrSelection[],
  { session: secure }: SessionOption = {},
): Promise<Buffer> {
  const { handle } = await load(tpm, parent, sealed);
  secure?.names.set(handle, objectName(sealed.publicArea));
  try {
    return await withPolicySession(tpm, async (session) => {
      await policyPcr(tpm, session, selections);
      return await unsealObject(tpm, handle, policySession(session, { keep: true }), secure);
    });
  } finally {
    secure?.names.delete(handle);
    await flushContext(tpm, handle);
  }
}
