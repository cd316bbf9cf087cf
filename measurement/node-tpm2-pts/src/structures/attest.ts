import { Reader } from '../codec/reader.ts';
import { TPM_ST } from '../constants.ts';
import { type PcrSelection, readPcrSelections } from './pcr-selection.ts';

/** What every TPMS_ATTEST has. TPM 2.0 Library, Part 2, 10.12.12. */
export interface AttestHeader {
  /** Qualified name of the signing key. */
  readonly qualifiedSigner: Buffer;
  /** The caller's nonce. */
  readonly extraData: Buffer;
  readonly clock: ClockInfo;
  readonly firmwareVersion: bigint;
}

/** TPMS_ATTEST of type quote. Part 2, 10.12.4. */
export interface QuoteAttest extends AttestHeader {
  /** Banks and PCRs in the order in which their values were hashed. */
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Buffer;
}

/** TPMS_ATTEST of type certify. Part 2, 10.12.3. */
export interface CertifyAttest extends AttestHeader {
  /** The object's. */
  readonly name: Buffer;
  readonly qualifiedName: Buffer;
}

/** What a TPMS_ATTEST says, by its type. Part 2, 10.12.1 to 10.12.9. */
export type Attest =
  | ({ readonly type: 'quote' } & QuoteAttest)
  | ({ readonly type: 'certify' } & CertifyAttest)
  | ({ readonly type: 'nv' } & NvAttested & AttestHeader)
  | ({
      readonly type: 'time';
      readonly time: TimeInfo;
      readonly timeFirmwareVersion: bigint;
    } & AttestHeader);

/** TPMS_NV_CERTIFY_INFO. Part 2, 10.12.8. */
interface NvAttested {
  /** The index's name: its attributes and policy are part of it. */
  readonly indexName: Buffer;
  readonly offset: number;
  readonly contents: Buffer;
}

/** TPMS_TIME_INFO. Part 2, 10.11.6. */
export interface TimeInfo {
  /** Milliseconds since the TPM was last powered on or reset. */
  readonly time: bigint;
  readonly clock: ClockInfo;
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

const TYPES: Readonly<Record<number, Attest['type']>> = {
  [TPM_ST.ATTEST_NV]: 'nv',
  [TPM_ST.ATTEST_CERTIFY]: 'certify',
  [TPM_ST.ATTEST_QUOTE]: 'quote',
  [TPM_ST.ATTEST_TIME]: 'time',
};

/** Parses the attestation of a quote that fills `bytes`; any other structure is refused. */
export function decodeQuote(bytes: Uint8Array): QuoteAttest {
  const from = new Reader(bytes, 'TPMS_ATTEST');
  const type = readType(from);
  if (type !== TPM_ST.ATTEST_QUOTE) throw from.error(`type 0x${type.toString(16)} is no quote`);
  const attest = { ...readHeader(from), ...readQuoted(from) };
  from.end();
  return attest;
}

/**
 * Parses an attestation that fills `bytes`: a quote, or what Certify, NV_Certify or GetTime signed. Whether a TPM's key signed
 * it is for the caller to check, with `verifySignature`.
 */
export function decodeAttest(bytes: Uint8Array): Attest {
  const from = new Reader(bytes, 'TPMS_ATTEST');
  const id = readType(from);
  const type = TYPES[id];
  if (type === undefined) throw from.error(`type 0x${id.toString(16)} is not known here`);
  const header = readHeader(from);
  const attest = { ...header, ...readAttested(from, type) };
  from.end();
  return attest;
}

/** The type, a TPM_ST, behind the magic. */
function readType(from: Reader): number {
  const magic = from.u32('magic');
  if (magic !== TPM_GENERATED) throw from.error(`magic 0x${magic.toString(16)}: not made by a TPM`);
  return from.u16('type');
}

function readHeader(from: Reader): AttestHeader {
  const qualifiedSigner = from.sized('qualifiedSigner', 66);
  const extraData = from.sized('extraData', 66);
  const clock = readClockInfo(from);
  return { qualifiedSigner, extraData, clock, firmwareVersion: from.u64('firmwareVersion') };
}

function readClockInfo(from: Reader): ClockInfo {
  const clock = from.u64('clock');
  const resetCount = from.u32('resetCount');
  const restartCount = from.u32('restartCount');
  return { clock, resetCount, restartCount, safe: from.u8('safe') !== 0 };
}

/** Reads a TPMS_TIME_INFO. */
export function readTimeInfo(from: Reader): TimeInfo {
  const time = from.u64('time');
  return { time, clock: readClockInfo(from) };
}

function readQuoted(from: Reader) {
  const selections = readPcrSelections(from);
  return { selections, pcrDigest: from.sized('pcrDigest', 64) };
}

function readAttested(from: Reader, type: Attest['type']) {
  switch (type) {
    case 'quote':
      return { type, ...readQuoted(from) };
    case 'certify': {
      const name = from.sized('name', 66);
      return { type, name, qualifiedName: from.sized('qualifiedName', 66) };
    }
    case 'nv': {
      const indexName = from.sized('indexName', 66);
      const offset = from.u16('offset');
      return { type, indexName, offset, contents: from.sized('nvContents') };
    }
    case 'time': {
      const time = readTimeInfo(from);
      return { type, time, timeFirmwareVersion: from.u64('firmwareVersion of time') };
    }
  }
}
