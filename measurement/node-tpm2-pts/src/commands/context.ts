import { Writer } from '../codec/writer.ts';
import type { Tpm } from '../tpm.ts';

/** TPM2_FlushContext (Part 3, 28.4): removes a transient object or a session from the TPM. */
export async function flushContext(tpm: Tpm, handle: number): Promise<void> {
  (await tpm.execute({ command: 'FlushContext', parameters: new Writer().u32(handle) })).end();
}
