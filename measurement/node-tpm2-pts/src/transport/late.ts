import { TpmTransportError } from '../errors.ts';

/**
 * What Linux says when it gave up on a TPM that was late, or that did not take a command (drivers/char/tpm: tpm-interface.c,
 * tpm_tis_core.c).
 */
const LATE: readonly string[] = ['ETIME', 'EIO'];

/**
 * Whether Linux's driver gave up on one command: the TPM is there for the next one, and may have run this one. It waits by the
 * clock, less than a second for many commands, so a busy machine with an emulated TPM sees it, too.
 */
export function isLate(error: unknown): boolean {
  return error instanceof TpmTransportError && LATE.includes(error.errno ?? '');
}
