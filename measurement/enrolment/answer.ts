import {
  activateCredential,
  type Credential,
  createPrimary,
  ekTemplate,
  flushContext,
  type LoadedObject,
  password,
  TPM_RH,
  type Tpm,
  TpmError,
  withHmacSession,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { withAttestationKey } from '../keys/attestation-key.ts';
import { endorsementState, type HierarchyValues, withHierarchies } from '../keys/hierarchies.ts';
import { challengedKey, decodeCredential } from './credential-file.ts';

/**
 * What a TPM says to a credential that is not for these two of its keys. swtpm calls it a failure when RSA's padding is wrong, and goes
 * on; a TPM that has failed refuses what comes next, too.
 */
const NOT_FOR_THESE = [
  ...['TPM_RC_INTEGRITY', 'TPM_RC_VALUE', 'TPM_RC_SIZE', 'TPM_RC_ECC_POINT'],
  'TPM_RC_FAILURE',
];

/**
 * Answers a challenge with the keys of this TPM. Everything that it makes there is flushed, also after errors.
 * @throws {MeasurementError} when the challenge is for other keys, or an authorization value is missing
 */
export async function answerChallenge(
  tpm: Tpm,
  challenge: Uint8Array,
  { endorsement }: HierarchyValues = {},
): Promise<Buffer> {
  const credential = decodeCredential(challenge);
  const { authorized } = await endorsementState(tpm);
  if (authorized && !endorsement?.length) {
    throw new MeasurementError(
      `${tpm.description}: the endorsement hierarchy has an authorization value`,
      'give the file that holds it with --endorsement-auth',
    );
  }
  const values = authorized && endorsement ? { endorsement } : {};
  return withAttestationKey(tpm, values, async (ak) => {
    const template = ekTemplate(challengedKey(credential));
    const ek = await withHierarchies(tpm, values, (authorize) =>
      createPrimary(tpm, TPM_RH.ENDORSEMENT, template, { authorization: authorize('endorsement') }),
    );
    try {
      return await activate(tpm, ak, ek, credential, values);
    } finally {
      await flushContext(tpm, ek.handle);
    }
  });
}

/** The secret is encrypted on its way, for a session that the endorsement key salts. */
function activate(
  tpm: Tpm,
  ak: LoadedObject,
  ek: LoadedObject,
  credential: Credential,
  { endorsement }: HierarchyValues,
): Promise<Buffer> {
  return withHmacSession(tpm, ek, async (session) => {
    const byPassword = challengedKey(credential) === 'ecc-p384';
    try {
      return await activateCredential(tpm, ak.handle, ek.handle, credential, {
        ...(endorsement ? { endorsement: session.authorize(endorsement) } : {}),
        ...(byPassword ? { ek: password() } : {}),
        session,
      });
    } catch (error) {
      const { response, command } = error instanceof TpmError ? error : {};
      const refused = command === 'TPM2_ActivateCredential' && response !== undefined;
      if (!refused || !NOT_FOR_THESE.includes(response.name)) throw error;
      throw new MeasurementError(
        'this TPM cannot read the challenge: it is for another attestation key or another TPM, or was changed',
        'ask for a challenge that is made from evidence of this platform',
        { cause: error },
      );
    }
  });
}
