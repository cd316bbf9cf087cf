import type { HashAlgorithm } from 'node-tpm2-pts';

/**
 * Event types. TCG PC Client Platform Firmware Profile 1.05, 10.4.1, table 27; those that this project writes or whose
 * meaning decides how a log is replayed.
 */
export const EVENT_TYPE = {
  NO_ACTION: 0x00000003,
  SEPARATOR: 0x00000004,
  EVENT_TAG: 0x00000006,
} as const;

/** The header event's signature, with its terminating zero. PFP 10.4.5.1, TCG_EfiSpecIdEvent. */
export const SPEC_ID_SIGNATURE: Buffer = Buffer.from('Spec ID Event03\0', 'latin1');

/** EV_SEPARATOR data of a platform that came up without an error: exactly these four bytes. PFP 10.4.1. */
export const SEPARATOR_DATA: Buffer = Buffer.alloc(4);

/** A hash algorithm that a log's header declares. */
export interface LogAlgorithm {
  /** TPM_ALG_ID. */
  readonly id: number;
  /** Size of its digests in bytes. */
  readonly size: number;
  /** Its name, where it is known here. */
  readonly name: HashAlgorithm | undefined;
}

/** One record as it stands in the log; nothing in it has been verified. */
export interface LogEvent {
  readonly pcr: number;
  readonly type: number;
  /** Digest by TPM_ALG_ID. */
  readonly digests: ReadonlyMap<number, Buffer>;
  readonly data: Buffer;
}

/** A parsed log: header, then the events after it, in order. */
export interface EventLog {
  /** Declared algorithms, in the header's order. */
  readonly algorithms: readonly LogAlgorithm[];
  readonly events: readonly LogEvent[];
}

/** The log's bytes do not follow the format. */
export class EventLogError extends Error {
  readonly hint: string;

  constructor(message: string, hint = 'the log is incomplete, damaged or not in this format') {
    super(message);
    this.name = 'EventLogError';
    this.hint = hint;
  }
}
