import { Reader } from '../codec/reader.ts';
import { TPM_ST } from '../constants.ts';
import { type PcrSelection, readPcrSelections } from './pcr-selection.ts';

/** TPMS_ATTEST of type quote. TPM 2.0 Library, Part 2, 10.12.12 and 10.12.4. */
export interface QuoteAttest {
  /** Qualified name of the signing key. */
  readonly qualifiedSigner: Buffer;
  /** The caller's nonce. */
  readonly extraData: Buffer;
  readonly clock: ClockInfo;
  readonly firmwareVersion: bigint;
  /** Banks and PCRs in the order in which their values were hashed. */
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Buffer;
}

/** TPMS_CLOCK_INFO. Part 2, 10.11.1. Values are obfuscated by the TPM for keys outside the endorsement and platform hierarchies. */
export interface ClockInfo {
  /** Milliseconds that the TPM was powered. */
  readonly clock: bigint;
  /** Number of TPM resets. */
  readonly resetCount: number;
  /** Number of resumes since the last reset. */
  readonly restartCount: number;
  /** False when the clock may have gone back since it was last stored. */
  readonly safe: boolean;
}

/** TPM_GENERATED_VALUE, "\xffTCG": no restricted key signs outside data that begins with it. Part 2, 6.2. */
const TPM_GENERATED = 0xff544347;

/** Parses the attestation of a quote that fills `bytes`; any other structure is refused. */
export function decodeQuote(bytes: Uint8Array): QuoteAttest {
  const from = new Reader(bytes, 'TPMS_ATTEST');
  const magic = from.u32('magic');
  if (magic !== TPM_GENERATED) throw from.error(`magic 0x${magic.toString(16)}: not made by a TPM`);
  const type = from.u16('type');
  if (type !== TPM_ST.ATTEST_QUOTE) throw from.error(`type 0x${type.toString(16)} is no quote`);
  const qualifiedSigner = from.sized('qualifiedSigner', 66);
  const extraData = from.sized('extraData', 66);
  const clock = from.u64('clock');
  const resetCount = from.u32('resetCount');
  const restartCount = from.u32('restartCount');
  const safe = from.u8('safe');
  const firmwareVersion = from.u64('firmwareVersion');
  const selections = readPcrSelections(from);
  const pcrDigest = from.sized('pcrDigest', 64);
  from.end();
  return {
    qualifiedSigner,
    extraData,
    clock: { clock, resetCount, restartCount, safe: safe !== 0 },
    firmwareVersion,
    selections,
    pcrDigest,
  };
}
