import type { HashAlgorithm } from '../algorithms.ts';
import { hashId, hashSize } from '../algorithms.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG, TPM_RH } from '../constants.ts';
import type { Tpm } from '../tpm.ts';
import { flushContext } from './context.ts';

/** TPM_SE, session types. Part 2, 6.11. */
const SESSION_TYPES = { policy: 0x01, trial: 0x03 } as const;

/**
 * TPM2_StartAuthSession (Part 3, 11.1) for a policy session, unbound and unsalted; a `trial` session computes a policy
 * without checking it. Returns the session's handle.
 */
export async function startPolicySession(
  tpm: Tpm,
  { type = 'policy', hash = 'sha256' }: { type?: 'policy' | 'trial'; hash?: HashAlgorithm } = {},
): Promise<number> {
  // Without an HMAC the caller's nonce protects nothing; the TPM wants at least 16 bytes.
  const nonceCaller = Buffer.alloc(Math.min(hashSize(hash), 32));
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'StartAuthSession',
    handles: [TPM_RH.NULL, TPM_RH.NULL],
    parameters: new Writer()
      .sized(nonceCaller)
      .sized(Buffer.alloc(0))
      .u8(SESSION_TYPES[type])
      .u16(TPM_ALG.NULL)
      .u16(hashId(hash)),
  });
  parameters.sized('nonceTPM', 64);
  parameters.end();
  return handle;
}

/** Runs `use` with a fresh policy session and flushes it afterwards, whatever happened. */
export async function withPolicySession<T>(
  tpm: Tpm,
  use: (session: number) => Promise<T>,
  options: { type?: 'policy' | 'trial'; hash?: HashAlgorithm } = {},
): Promise<T> {
  const session = await startPolicySession(tpm, options);
  try {
    return await use(session);
  } finally {
    await flushContext(tpm, session);
  }
}
