import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type HashAlgorithm,
  type PcrValues,
  pcrRead,
  type Quote,
  quote,
  readEkCertificate,
  readTpm2ToolsPcrFile,
  type Tpm,
  tpm2ToolsPcrFile,
  verifyQuote,
  Writer,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { MAX_LOG_SIZE } from '../event-log/parse.ts';
import { AK_PARENT, withAttestationKey } from '../keys/attestation-key.ts';
import type { HierarchyValues } from '../keys/hierarchies.ts';
import { BOOT_LOG_FILE_NAME, LOG_FILE_NAME } from '../measurement-log.ts';
import { readBounded } from '../read-bounded.ts';
import type { BootQuote } from './boot-key.ts';
import { quotedOrder } from './quoted-order.ts';

/** What a verifier needs, apart from a nonce and the expected items. */
export interface Evidence {
  /** The binary measurement log. */
  readonly log: Buffer;
  /** The log of what differed at this boot, in the other register. */
  readonly bootLog?: Buffer;
  /** The firmware's own log, as Linux shows it; nothing in it is believed that does not replay. */
  readonly firmwareLog?: Buffer;
  readonly quote: Quote;
  /** TPMT_PUBLIC of the attestation key, a primary key of the endorsement hierarchy. */
  readonly ak: Buffer;
  /** The values that the quote is about. */
  readonly pcrs: PcrValues;
  /** The endorsement key's certificate (DER), where the TPM has one. */
  readonly ekCertificate?: Buffer;
  /** What domB had quoted before the caps, with a key of that moment. */
  readonly bootQuote?: BootQuote;
}

/** Firmware's PCRs, quoted along: what booted domB. */
export const FIRMWARE_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

export interface EvidenceOptions {
  readonly log: Buffer;
  readonly bootLog?: Buffer | undefined;
  readonly firmwareLog?: Buffer | undefined;
  /** The registers of the logs. */
  readonly pcrs: readonly number[];
  readonly banks: readonly HashAlgorithm[];
  readonly nonce: Uint8Array;
  /** Authorization values, where the hierarchy that the key is made in has one. */
  readonly values?: HierarchyValues;
  readonly bootQuote?: BootQuote | undefined;
}

/**
 * Makes an attestation key, or takes the one that the TPM keeps, and quotes firmware's PCRs and `pcrs` in all banks. The quote is
 * verified before it is returned.
 */
export async function collectEvidence(
  tpm: Tpm,
  {
    log,
    bootLog,
    firmwareLog,
    pcrs: measured,
    banks,
    nonce,
    values = {},
    bootQuote,
  }: EvidenceOptions,
): Promise<Evidence> {
  const quoted = [...FIRMWARE_PCRS, ...measured];
  const selections = quotedOrder(banks).map((bank) => ({ bank, pcrs: quoted }));
  return withAttestationKey(tpm, values, async (ak) => {
    const pcrs = await pcrRead(tpm, selections);
    const made = await quote(tpm, ak.handle, nonce, selections);
    verifyQuote(made, { ak: ak.publicArea, nonce, pcrs, parent: AK_PARENT });
    const ekCertificate = await firstEkCertificate(tpm);
    return {
      log,
      ...(bootLog ? { bootLog } : {}),
      ...(firmwareLog ? { firmwareLog } : {}),
      quote: made,
      ak: ak.publicArea,
      pcrs,
      ...(ekCertificate ? { ekCertificate } : {}),
      ...(bootQuote ? { bootQuote } : {}),
    };
  });
}

/** The certificate of the endorsement key that most tools can use, of those that the TPM has. */
async function firstEkCertificate(tpm: Tpm): Promise<Buffer | undefined> {
  for (const type of ['ecc-p256', 'rsa-2048', 'ecc-p384'] as const) {
    const certificate = await readEkCertificate(tpm, type);
    if (certificate) return certificate;
  }
  return undefined;
}

/** File names; tpm2-tools read all of them as they are. */
const FILES = {
  log: LOG_FILE_NAME,
  bootLog: BOOT_LOG_FILE_NAME,
  firmwareLog: 'firmware.log',
  attest: 'quote.attest',
  signature: 'quote.signature',
  ak: 'ak.pub',
  pcrs: 'quote.pcrs',
  ekCertificate: 'ek.der',
} as const;

/** Those of the boot quote: all of them are there, or none. */
const BOOT_QUOTE_FILES = {
  key: 'boot-key.pub',
  keyAttest: 'boot-key.attest',
  keySignature: 'boot-key.signature',
  attest: 'boot-quote.attest',
  signature: 'boot-quote.signature',
} as const;

/** Bytes. Firmware reserves some 64 KiB for its log, and rarely a megabyte. */
export const MAX_FIRMWARE_LOG_SIZE = 4 * 1024 * 1024;

/** Bytes; whatever is larger is not read. */
const MAX_SIZE = 64 * 1024;
const MAX_SIZES: Readonly<Record<string, number>> = {
  [FILES.log]: MAX_LOG_SIZE,
  [FILES.bootLog]: MAX_LOG_SIZE,
  [FILES.firmwareLog]: MAX_FIRMWARE_LOG_SIZE,
};

/** The logs of a boot, without a quote that vouches for them. */
export type EvidenceLogs = Pick<Evidence, 'log' | 'bootLog' | 'firmwareLog'>;

/** The files of logs by name, as they are among {@link evidenceFiles}. */
export function logFiles({ log, bootLog, firmwareLog }: EvidenceLogs): Map<string, Buffer> {
  const files = new Map<string, Buffer>([[FILES.log, log]]);
  if (bootLog) files.set(FILES.bootLog, bootLog);
  if (firmwareLog) files.set(FILES.firmwareLog, firmwareLog);
  return files;
}

/** The files of evidence by name, in forms that `tpm2_checkquote` and `tpm2_eventlog` can work on. */
export function evidenceFiles(evidence: Evidence): Map<string, Buffer> {
  const files = new Map([
    ...logFiles(evidence),
    [FILES.attest, evidence.quote.attest],
    [FILES.signature, evidence.quote.signature],
    [FILES.ak, new Writer().sized(evidence.ak).toBuffer()],
    [FILES.pcrs, tpm2ToolsPcrFile(evidence.pcrs)],
  ] as [string, Buffer][]);
  if (evidence.ekCertificate) files.set(FILES.ekCertificate, evidence.ekCertificate);
  if (evidence.bootQuote) addBootQuote(files, evidence.bootQuote);
  return files;
}

function addBootQuote(
  files: Map<string, Buffer>,
  { key, certification, quote: made }: BootQuote,
): void {
  files.set(BOOT_QUOTE_FILES.key, new Writer().sized(key).toBuffer());
  files.set(BOOT_QUOTE_FILES.keyAttest, certification.attest);
  files.set(BOOT_QUOTE_FILES.keySignature, certification.signature);
  files.set(BOOT_QUOTE_FILES.attest, made.attest);
  files.set(BOOT_QUOTE_FILES.signature, made.signature);
}

/** Writes evidence as a directory of {@link evidenceFiles}. */
export async function writeEvidence(directory: string, evidence: Evidence): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of evidenceFiles(evidence)) {
    await writeFile(join(directory, name), bytes);
  }
}

/**
 * What a boot quote carries in the place of a verifier's nonce: the SHA-256 of the logs that it vouches for, one behind the
 * other. It ties quote and logs together; that the quote is fresh, only a later one with a nonce can show.
 */
export function bootNonce({ log, bootLog }: Pick<Evidence, 'log' | 'bootLog'>): Buffer {
  return createHash('sha256')
    .update(log)
    .update(bootLog ?? '')
    .digest();
}

/** The logs in a directory, of evidence or of what domB handed over. Safe on files that somebody else made. */
export async function readLogs(directory: string): Promise<EvidenceLogs> {
  const bootLog = await readIfThere(directory, FILES.bootLog);
  const firmwareLog = await readIfThere(directory, FILES.firmwareLog);
  return {
    log: await read(directory, FILES.log),
    ...(bootLog ? { bootLog } : {}),
    ...(firmwareLog ? { firmwareLog } : {}),
  };
}

/** The boot quote in a directory, where domB left one. Safe on files that somebody else made. */
export async function readBootQuote(directory: string): Promise<BootQuote | undefined> {
  const names = Object.values(BOOT_QUOTE_FILES);
  const found = await Promise.all(names.map((name) => readIfThere(directory, name)));
  const missing = names.filter((_, index) => found[index] === undefined);
  if (missing.length === names.length) return undefined;
  const [key, keyAttest, keySignature, attest, signature] = found;
  if (!(key && keyAttest && keySignature && attest && signature)) {
    throw new MeasurementError(
      `${directory}: of the boot quote, ${missing.join(', ')} is missing`,
      'fetch the evidence again: it takes all five files, or none',
    );
  }
  return {
    key: readKey(key, join(directory, BOOT_QUOTE_FILES.key)),
    certification: { attest: keyAttest, signature: keySignature },
    quote: { attest, signature },
  };
}

/** The keys of evidence. */
export type EvidenceKeys = Pick<Evidence, 'ak' | 'ekCertificate'>;

/** The keys in a directory of evidence, whatever else it has. Safe on files that somebody else made. */
export async function readKeys(directory: string): Promise<EvidenceKeys> {
  const ekCertificate = await readIfThere(directory, FILES.ekCertificate);
  return {
    ak: readKey(await read(directory, FILES.ak), join(directory, FILES.ak)),
    ...(ekCertificate ? { ekCertificate } : {}),
  };
}

/** Reads what {@link writeEvidence} wrote. Safe on files that somebody else made. */
export async function readEvidence(directory: string): Promise<Evidence> {
  const attest = await read(directory, FILES.attest);
  const signature = await read(directory, FILES.signature);
  const bootQuote = await readBootQuote(directory);
  return {
    ...(await readLogs(directory)),
    quote: { attest, signature },
    ...(await readKeys(directory)),
    pcrs: readTpm2ToolsPcrFile(await read(directory, FILES.pcrs)),
    ...(bootQuote ? { bootQuote } : {}),
  };
}

/** The TPMT_PUBLIC in a TPM2B_PUBLIC, as `ak.pub` holds it. @param source for messages */
export function readKey(bytes: Buffer, source: string): Buffer {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== bytes.length - 2) {
    throw new MeasurementError(`${source}: not a TPM2B_PUBLIC`, 'it is damaged: fetch it again');
  }
  return bytes.subarray(2);
}

function read(directory: string, name: string): Promise<Buffer> {
  return readBounded(join(directory, name), MAX_SIZES[name] ?? MAX_SIZE);
}

function readIfThere(directory: string, name: string): Promise<Buffer | undefined> {
  return read(directory, name).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
