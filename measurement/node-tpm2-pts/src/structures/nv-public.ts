import { digest, type HashAlgorithm, hashId } from '../algorithms.ts';
import { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { readHash } from './public.ts';

/** TPMS_NV_PUBLIC. TPM 2.0 Library, Part 2, 13.5. */
export interface NvPublic {
  /** Handle of the index, 0x01000000 to 0x01ffffff. */
  readonly index: number;
  readonly nameAlgorithm: HashAlgorithm;
  /** Bits of TPMA_NV. */
  readonly attributes: number;
  readonly authPolicy: Buffer;
  /** Size of the data in bytes; 8 for a counter. */
  readonly size: number;
}

export function encodeNvPublic(area: NvPublic): Buffer {
  return new Writer()
    .u32(area.index)
    .u16(hashId(area.nameAlgorithm))
    .u32(area.attributes)
    .sized(area.authPolicy)
    .u16(area.size)
    .toBuffer();
}

/** The name of an index with this public area: nameAlg, then the hash of its TPMS_NV_PUBLIC. Part 1, "Names". */
export function nvName(area: NvPublic): Buffer {
  const hashed = digest(area.nameAlgorithm, encodeNvPublic(area));
  return new Writer().u16(hashId(area.nameAlgorithm)).bytes(hashed).toBuffer();
}

export function decodeNvPublic(bytes: Uint8Array): NvPublic {
  const from = new Reader(bytes, 'TPMS_NV_PUBLIC');
  const index = from.u32('nvIndex');
  const nameAlgorithm = readHash(from, 'nameAlg');
  const attributes = from.u32('attributes');
  const authPolicy = Buffer.from(from.sized('authPolicy', 64));
  const size = from.u16('dataSize');
  from.end();
  return { index, nameAlgorithm, attributes, authPolicy, size };
}
