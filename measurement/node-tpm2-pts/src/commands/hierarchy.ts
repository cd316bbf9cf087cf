import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_RH } from '../constants.ts';
import type { Tpm } from '../tpm.ts';

/**
 * TPM2_HierarchyControl (Part 3, 24.2) for the platform hierarchy: it is disabled, with all that needs its authorization
 * (clearing the TPM, allocating PCR banks), until the TPM is reset. Firmware does so, or changes the authorization, before it
 * starts anybody else (TCG PC Client Platform Firmware Profile, "Platform Hierarchy").
 */
export async function closePlatformHierarchy(
  tpm: Tpm,
  authorization: Authorization = password(),
): Promise<void> {
  const response = await tpm.execute({
    command: 'HierarchyControl',
    handles: [TPM_RH.PLATFORM],
    authorizations: [authorization],
    parameters: new Writer().u32(TPM_RH.PLATFORM).u8(0),
  });
  response.end();
}
