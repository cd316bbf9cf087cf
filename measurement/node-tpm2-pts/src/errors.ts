import type { ResponseCode } from './response-codes.ts';

/** Base of every error of this package: `message` says what failed and where, `hint` what to do about it. */
export class Tpm2Error extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** The TPM understood a command and refused it, or could not run it now. */
export class TpmError extends Tpm2Error {
  /** Name of the command, for example `TPM2_PCR_Extend`. */
  readonly command: string;
  /** The 32-bit response code as received. */
  readonly code: number;
  /** The response code taken apart: symbolic name, layer, and which parameter, handle or session it is about. */
  readonly response: ResponseCode;

  constructor(command: string, response: ResponseCode) {
    super(`${command}: ${response.text}`, response.hint);
    this.command = command;
    this.code = response.code;
    this.response = response;
  }
}

/** Bytes that do not follow the TPM 2.0 structures: a wrong length, tag or count. */
export class TpmFormatError extends Tpm2Error {
  constructor(
    message: string,
    {
      hint = 'the TPM, or what carries its bytes, does not follow the TPM 2.0 specification',
      ...options
    }: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, hint, options);
  }
}

/** An answer that no TPM 2.0 gives, whatever it was asked: it has failed, was never started, or is something else. */
export class TpmAnswerError extends TpmFormatError {
  constructor(message: string) {
    super(message, {
      hint:
        'the TPM has failed or was not started: switch the machine off and on again; if that does not help, look at the TPM in ' +
        'the firmware set-up (a TPM 1.2 is of no use), or have it replaced; with an emulated TPM, look into its log',
    });
  }
}

/** The connection to the TPM failed: nothing is known about whether the TPM ran the command. */
export class TpmTransportError extends Tpm2Error {
  /** Symbolic errno, for example `ENOENT`, where the system gave one. */
  readonly errno: string | undefined;

  constructor(message: string, hint: string, options: ErrorOptions & { errno?: string } = {}) {
    super(message, hint, options);
    this.errno = options.errno;
  }
}

/** A session's protection failed: the response was altered, or comes from another TPM than the one with the session's key. */
export class TpmSessionError extends Tpm2Error {
  constructor(message: string) {
    super(message, 'do not believe the answer: something stands between this program and the TPM');
  }
}

/** The TPM has, or was asked for, something this package does not know. */
export class TpmUnsupportedError extends Tpm2Error {}
