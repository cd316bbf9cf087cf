import { type Authorization, password, policySession } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_RH } from '../constants.ts';
import type { HmacSession } from '../hmac-session.ts';
import type { Credential } from '../make-credential.ts';
import type { Tpm } from '../tpm.ts';
import { policySecret } from './policy.ts';
import { withPolicySession } from './session.ts';

export interface ActivateOptions {
  /** Authorizes the attestation key. Default: the empty password. */
  ak?: Authorization;
  /** The endorsement hierarchy's authorization. Default: the empty password. */
  endorsement?: Authorization;
  /** Authorizes the endorsement key, where its template lets a password do that. Default: the policy of L-1 and L-2. */
  ek?: Authorization;
  /** Encrypts the credential on its way back, for example salted by the endorsement key. */
  session?: HmacSession;
}

/**
 * TPM2_ActivateCredential (Part 3, 12.5): proves that `ak` and the endorsement key `ek` (of the standard templates) are in
 * one TPM, by decrypting what makeCredential encrypted. Returns the credential.
 */
export function activateCredential(
  tpm: Tpm,
  ak: number,
  ek: number,
  { blob, secret }: Credential,
  options: ActivateOptions = {},
): Promise<Buffer> {
  const activate = async (authorization: Authorization) => {
    const response = await tpm.execute({
      command: 'ActivateCredential',
      handles: [ak, ek],
      authorizations: [
        options.ak ?? password(),
        authorization,
        ...(options.session ? [options.session.protect({ command: true, response: true })] : []),
      ],
      parameters: new Writer().sized(blob).sized(secret),
    });
    const credential = Buffer.from(response.sized('certInfo', 64));
    response.end();
    return credential;
  };
  if (options.ek) return activate(options.ek);
  return withPolicySession(tpm, async (session) => {
    await policySecret(tpm, session, TPM_RH.ENDORSEMENT, options.endorsement);
    return activate(policySession(session, { keep: true }));
  });
}
