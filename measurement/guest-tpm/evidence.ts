import { join } from 'node:path';
import { type PcrValues, type Quote, readTpm2ToolsPcrFile } from 'node-tpm2-pts';
import { readKey } from '../evidence/evidence.ts';
import { readBounded } from '../read-bounded.ts';

/** What a guest shows of itself, by its own TPM. */
export interface GuestEvidence {
  readonly quote: Quote;
  /** TPMT_PUBLIC of the attestation key. */
  readonly ak: Buffer;
  /** Its certificate, DER. */
  readonly akCertificate: Buffer;
  /** The values that the quote is about. */
  readonly pcrs: PcrValues;
}

/** File names; docs/vtpm.md has the commands of tpm2-tools that write them. */
const FILES = {
  attest: 'quote.attest',
  signature: 'quote.signature',
  pcrs: 'quote.pcrs',
  ak: 'ak.pub',
  akCertificate: 'ak.der',
} as const;

/** Bytes; whatever is larger is not read. */
const MAX_SIZE = 64 * 1024;

/** Reads a guest's evidence from a directory. Safe on files that somebody else made. */
export async function readGuestEvidence(directory: string): Promise<GuestEvidence> {
  const path = (name: string) => join(directory, name);
  const read = (name: string) => readBounded(path(name), MAX_SIZE);
  return {
    quote: { attest: await read(FILES.attest), signature: await read(FILES.signature) },
    pcrs: readTpm2ToolsPcrFile(await read(FILES.pcrs)),
    ak: readKey(await read(FILES.ak), path(FILES.ak)),
    akCertificate: await read(FILES.akCertificate),
  };
}
