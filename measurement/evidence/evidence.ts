import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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
import { BOOT_LOG_FILE_NAME, LOG_FILE_NAME } from '../measurement-log.ts';

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
const FIRMWARE_PCRS = [0, 1, 2, 3, 4, 5, 6, 7];

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
    const ekCertificate =
      (await readEkCertificate(tpm, 'ecc-p256')) ?? (await readEkCertificate(tpm, 'rsa-2048'));
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

/** Reads what {@link writeEvidence} wrote. */
export async function readEvidence(directory: string): Promise<Evidence> {
  const read = (name: string) => readFile(join(directory, name));
  const ak = await read(FILES.ak);
  if (ak.length < 2 || ak.readUInt16BE(0) !== ak.length - 2) {
    throw new MeasurementError(
      `${join(directory, FILES.ak)}: not a TPM2B_PUBLIC`,
      'the evidence is damaged: fetch it again',
    );
  }
  const readIfThere = (name: string) =>
    read(name).catch((error) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  const ekCertificate = await readIfThere(FILES.ekCertificate);
  const bootLog = await readIfThere(FILES.bootLog);
  return {
    log: await read(FILES.log),
    ...(bootLog ? { bootLog } : {}),
    quote: { attest: await read(FILES.attest), signature: await read(FILES.signature) },
    ak: ak.subarray(2),
    pcrs: readTpm2ToolsPcrFile(await read(FILES.pcrs)),
    ...(ekCertificate ? { ekCertificate } : {}),
  };
}
