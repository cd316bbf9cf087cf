import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createAk,
  flushContext,
  type HashAlgorithm,
  type PcrValues,
  pcrRead,
  type Quote,
  quote,
  readEkCertificate,
  readTpm2ToolsPcrFile,
  TPM_RH,
  type Tpm,
  tpm2ToolsPcrFile,
  verifyQuote,
  Writer,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { MAX_LOG_SIZE } from '../event-log/parse.ts';
import { BOOT_LOG_FILE_NAME, LOG_FILE_NAME } from '../measurement-log.ts';
import { readBounded } from '../read-bounded.ts';

/** What a verifier needs, apart from a nonce and the expected items. */
export interface Evidence {
  /** The binary measurement log. */
  readonly log: Buffer;
  /** The log of what differed at this boot, in the other register. */
  readonly bootLog?: Buffer;
  readonly quote: Quote;
  /** TPMT_PUBLIC of the attestation key, a primary key of the endorsement hierarchy. */
  readonly ak: Buffer;
  /** The values that the quote is about. */
  readonly pcrs: PcrValues;
  /** The endorsement key's certificate (DER), where the TPM has one. */
  readonly ekCertificate?: Buffer;
}

/** Firmware's PCRs, quoted along: what booted domB. */
export const FIRMWARE_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

/** The AK's parent as its qualified name has it. */
export const AK_PARENT = new Writer().u32(TPM_RH.ENDORSEMENT).toBuffer();

export interface EvidenceOptions {
  readonly log: Buffer;
  readonly bootLog?: Buffer | undefined;
  /** The registers of the logs. */
  readonly pcrs: readonly number[];
  readonly banks: readonly HashAlgorithm[];
  readonly nonce: Uint8Array;
}

/** Makes an attestation key and quotes firmware's PCRs and `pcrs` in all banks. The quote is verified before it is returned. */
export async function collectEvidence(
  tpm: Tpm,
  { log, bootLog, pcrs: measured, banks, nonce }: EvidenceOptions,
): Promise<Evidence> {
  const selections = banks.map((bank) => ({ bank, pcrs: [...FIRMWARE_PCRS, ...measured] }));
  const ak = await createAk(tpm);
  try {
    const pcrs = await pcrRead(tpm, selections);
    const made = await quote(tpm, ak.handle, nonce, selections);
    verifyQuote(made, { ak: ak.publicArea, nonce, pcrs, parent: AK_PARENT });
    const ekCertificate = await firstEkCertificate(tpm);
    return {
      log,
      ...(bootLog ? { bootLog } : {}),
      quote: made,
      ak: ak.publicArea,
      pcrs,
      ...(ekCertificate ? { ekCertificate } : {}),
    };
  } finally {
    await flushContext(tpm, ak.handle);
  }
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
  attest: 'quote.attest',
  signature: 'quote.signature',
  ak: 'ak.pub',
  pcrs: 'quote.pcrs',
  ekCertificate: 'ek.der',
} as const;

/** Bytes; whatever is larger is not read. */
const MAX_SIZE = 64 * 1024;
const MAX_SIZES: Readonly<Record<string, number>> = {
  [FILES.log]: MAX_LOG_SIZE,
  [FILES.bootLog]: MAX_LOG_SIZE,
};

/** The files of evidence by name, in forms that `tpm2_checkquote` and `tpm2_eventlog` can work on. */
export function evidenceFiles(evidence: Evidence): Map<string, Buffer> {
  const files = new Map([
    [FILES.log, evidence.log],
    [FILES.attest, evidence.quote.attest],
    [FILES.signature, evidence.quote.signature],
    [FILES.ak, new Writer().sized(evidence.ak).toBuffer()],
    [FILES.pcrs, tpm2ToolsPcrFile(evidence.pcrs)],
  ] as [string, Buffer][]);
  if (evidence.bootLog) files.set(FILES.bootLog, evidence.bootLog);
  if (evidence.ekCertificate) files.set(FILES.ekCertificate, evidence.ekCertificate);
  return files;
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
export async function readLogs(directory: string): Promise<Pick<Evidence, 'log' | 'bootLog'>> {
  const bootLog = await readIfThere(directory, FILES.bootLog);
  return { log: await read(directory, FILES.log), ...(bootLog ? { bootLog } : {}) };
}

/** Reads what {@link writeEvidence} wrote. Safe on files that somebody else made. */
export async function readEvidence(directory: string): Promise<Evidence> {
  const ekCertificate = await readIfThere(directory, FILES.ekCertificate);
  const attest = await read(directory, FILES.attest);
  const signature = await read(directory, FILES.signature);
  return {
    ...(await readLogs(directory)),
    quote: { attest, signature },
    ak: readKey(await read(directory, FILES.ak), join(directory, FILES.ak)),
    pcrs: readTpm2ToolsPcrFile(await read(directory, FILES.pcrs)),
    ...(ekCertificate ? { ekCertificate } : {}),
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
