import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeResponseCode } from 'node-tpm2-pts';

const CASES: [code: number, text: string][] = [
  [0x000, 'TPM_RC_SUCCESS (0x000)'],
  [0x01e, 'TPM_RC_BAD_TAG (0x01e)'],
  [0x100, 'TPM_RC_INITIALIZE (0x100)'],
  [0x101, 'TPM_RC_FAILURE (0x101)'],
  [0x127, 'TPM_RC_PCR (0x127)'],
  [0x143, 'TPM_RC_COMMAND_CODE (0x143)'],
  [0x14c, 'TPM_RC_NV_DEFINED (0x14c)'],
  [0x155, 'TPM_RC_SENSITIVE (0x155)'],
  [0x902, 'TPM_RC_OBJECT_MEMORY (0x902)'],
  [0x907, 'TPM_RC_LOCALITY (0x907)'],
  [0x908, 'TPM_RC_YIELDED (0x908)'],
  [0x90a, 'TPM_RC_TESTING (0x90a)'],
  [0x918, 'TPM_RC_REFERENCE_S0 (0x918)'],
  [0x922, 'TPM_RC_RETRY (0x922)'],
  [0x97f, 'TPM_RC_NOT_USED (0x97f)'],
  // Format one: bit 6 parameter; without it bit 11 session, else handle; the number in bits 8 to 11.
  [0x08b, 'TPM_RC_HANDLE (0x08b)'],
  [0x18b, 'TPM_RC_HANDLE (0x18b, handle 1)'],
  [0x2c4, 'TPM_RC_VALUE (0x2c4, parameter 2)'],
  [0xfd5, 'TPM_RC_SIZE (0xfd5, parameter 15)'],
  [0x98e, 'TPM_RC_AUTH_FAIL (0x98e, session 1)'],
  [0x99d, 'TPM_RC_POLICY_FAIL (0x99d, session 1)'],
  [0xb0143, 'TPM_RC_COMMAND_CODE (0xb0143, from resource manager, on behalf of the TPM)'],
  [0xa000a, 'unknown (0xa000a, from TCTI)'],
  [0x500, 'vendor defined (0x500)'],
  [0x17f, 'unknown (0x17f)'],
  [0x0ff, 'unknown (0x0ff)'],
];

test('response codes are named as part 2, 6.6 says', () => {
  for (const [code, text] of CASES) assert.equal(decodeResponseCode(code).text, text);
});

test('every 16-bit number decodes to some text and a hint', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const { text, hint } = decodeResponseCode(code);
    assert.ok(text.length > 0 && hint.length > 0, `0x${code.toString(16)}`);
  }
});
