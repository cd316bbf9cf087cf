import type { Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';

/** A TPMT_TK_…: the TPM's proof to itself that it has checked something. TPM 2.0 Library, Part 2, 10.7. */
export interface Ticket {
  /** TPM_ST of what was checked. */
  readonly tag: number;
  /** The hierarchy whose proof value the digest is keyed with. */
  readonly hierarchy: number;
  readonly digest: Buffer;
}

export function readTicket(from: Reader): Ticket {
  const tag = from.u16('ticket tag');
  const hierarchy = from.u32('ticket hierarchy');
  return { tag, hierarchy, digest: Buffer.from(from.sized('ticket digest', 64)) };
}

export function writeTicket(to: Writer, { tag, hierarchy, digest }: Ticket): void {
  to.u16(tag).u32(hierarchy).sized(digest);
}
