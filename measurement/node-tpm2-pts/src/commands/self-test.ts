import { Writer } from '../codec/writer.ts';
import type { Tpm } from '../tpm.ts';

/**
 * TPM2_SelfTest (Part 3, 10.2): tests everything (`full`) or what was not tested yet. A TPM may answer TPM_RC_TESTING
 * and go on in the background; the command is then sent again until the tests are done.
 */
export async function selfTest(tpm: Tpm, { full = true } = {}): Promise<void> {
  (await tpm.execute({ command: 'SelfTest', parameters: new Writer().u8(full ? 1 : 0) })).end();
}

export interface TestResult {
  /** Vendor-specific details. */
  data: Buffer;
  /** TPM_RC: 0 passed, TPM_RC_NEEDS_TEST not all tested, TPM_RC_TESTING in progress, else failed. */
  result: number;
}

/** TPM2_GetTestResult (Part 3, 10.4): answered even in failure mode. */
export async function getTestResult(tpm: Tpm): Promise<TestResult> {
  const response = await tpm.execute({ command: 'GetTestResult' });
  const data = response.sized('outData');
  const result = response.u32('testResult');
  response.end();
  return { data, result };
}
