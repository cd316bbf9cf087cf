import { Writer } from '../codec/writer.ts';
import { TPM_SU } from '../constants.ts';
import { TpmError } from '../errors.ts';
import { TPM_RC_INITIALIZE } from '../response-codes.ts';
import type { Tpm } from '../tpm.ts';

export type StartupType = 'clear' | 'state';

function startupType(type: StartupType): Writer {
  return new Writer().u16(type === 'clear' ? TPM_SU.CLEAR : TPM_SU.STATE);
}

/**
 * TPM2_Startup (Part 3, 9.3): what firmware sends once after a reset. Returns false when the TPM was started already.
 */
export async function startup(tpm: Tpm, type: StartupType = 'clear'): Promise<boolean> {
  try {
    (await tpm.execute({ command: 'Startup', parameters: startupType(type) })).end();
    return true;
  } catch (error) {
    if (error instanceof TpmError && error.code === TPM_RC_INITIALIZE) return false;
    throw error;
  }
}

/** TPM2_Shutdown (Part 3, 9.4): prepares the TPM for losing power. */
export async function shutdown(tpm: Tpm, type: StartupType = 'clear'): Promise<void> {
  (await tpm.execute({ command: 'Shutdown', parameters: startupType(type) })).end();
}
