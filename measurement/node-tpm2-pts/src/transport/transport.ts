import { TpmFormatError } from '../errors.ts';
import { requireTpm2 } from '../foreign-answer.ts';

/** Carries one command to a TPM and its response back. Calls never overlap: {@link Tpm} sends one at a time. */
export interface Transport {
  /** Names the TPM in errors, for example `/dev/tpmrm0`. */
  readonly description: string;
  /** Sends a whole command and resolves to the whole response. */
  transmit(command: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** tag u16, size u32, code u32. TPM 2.0 Library, Part 1, "Command/response structure". */
export const HEADER_SIZE = 10;

/** No TPM answers with more (the kernel's buffer is 4096 bytes); a larger size is not believed. */
export const MAX_RESPONSE_SIZE = 65536;

/** The size that the header in `header` (at least 10 bytes) claims, checked against the limits above. */
export function responseSize(header: Buffer, from: string): number {
  const size = header.readUInt32BE(2);
  requireTpm2({ tag: header.readUInt16BE(0), size, code: header.readUInt32BE(6) }, from);
  if (size < HEADER_SIZE || size > MAX_RESPONSE_SIZE) {
    throw new TpmFormatError(
      `${from}: a response claims ${size} bytes, expected ${HEADER_SIZE} to ${MAX_RESPONSE_SIZE}`,
    );
  }
  return size;
}
