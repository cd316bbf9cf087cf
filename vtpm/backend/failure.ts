/** What a TPM answers whose emulator is gone: TPM_ST_NO_SESSIONS, ten bytes, TPM_RC_FAILURE (TPM 2.0 Library, Part 2). */
export const failureResponse = (): Buffer => Buffer.from('80010000000a00000101', 'hex');
