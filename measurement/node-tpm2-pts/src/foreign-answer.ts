import { TPM_ST } from './constants.ts';
import { TpmAnswerError } from './errors.ts';
import { TPM_RC_SUCCESS } from './response-codes.ts';

/** What a response begins with: tag u16, size u32, code u32. */
export interface ResponseHeader {
  readonly tag: number;
  readonly size: number;
  readonly code: number;
}

/** What a TPM 1.2, or firmware that fell back to it, answers to a command of TPM 2.0. TPM 1.2 Main, Part 2, 16. */
const TPM_1_2: Readonly<Record<number, string>> = {
  3: 'TPM_BAD_PARAMETER',
  9: 'TPM_FAIL',
  10: 'TPM_BAD_ORDINAL',
  28: 'TPM_FAILEDSELFTEST',
  30: 'TPM_BADTAG',
  38: 'TPM_INVALID_POSTINIT',
};

/** Bits of which each TPM 2.0 response code but success has one. Part 2, 6.6.2: format one, version 2.0. */
const OF_TPM_2_0 = 0x80 | 0x100;

/**
 * Refuses an answer that no TPM 2.0 gives: with TPM 1.2's tag, with another one, or with a code that is none. Such an answer
 * comes from a TPM that has failed or was never started, and to look its code up would lead astray.
 * @param command names the command in the message
 * @throws {TpmAnswerError}
 */
export function requireTpm2({ tag, size, code }: ResponseHeader, command: string): void {
  const named = TPM_1_2[code] === undefined ? '' : `, in TPM 1.2 ${TPM_1_2[code]}`;
  const shown = `tag 0x${hex(tag, 4)}, code 0x${hex(code, 3)}${named}`;
  if (tag === 0xffff && size === 0xffffffff) {
    throw new TpmAnswerError(`${command}: no TPM answers: all that can be read are ones`);
  }
  if (tag === 0 && size === 0) {
    throw new TpmAnswerError(`${command}: no TPM answers: all that can be read are zeros`);
  }
  if (tag === TPM_ST.RSP_COMMAND) {
    throw new TpmAnswerError(
      `${command}: the answer is none of a TPM 2.0, but has the form of TPM 1.2: ${shown}`,
    );
  }
  if (tag !== TPM_ST.NO_SESSIONS && tag !== TPM_ST.SESSIONS) {
    throw new TpmAnswerError(`${command}: the answer is none of a TPM: ${shown}`);
  }
  // Layers of software put their numbers above; their codes are their own.
  if (code !== TPM_RC_SUCCESS && code <= 0xffff && (code & OF_TPM_2_0) === 0) {
    throw new TpmAnswerError(`${command}: the answer is none of a TPM 2.0: ${shown}`);
  }
}

/** For an answer that is no whole header. */
export function shortAnswer(bytes: number, command: string): TpmAnswerError {
  return new TpmAnswerError(
    `${command}: the answer is none of a TPM: it has ${bytes} bytes, and a TPM's has 10 at least`,
  );
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
