import { type HashAlgorithm, hashId, hashSize } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent, SPEC_ID_SIGNATURE } from './format.ts';

/**
 * Encodes the first record of a crypto-agile log: a TCG_PCR_EVENT whose data declares the algorithms that every event
 * lists. TCG PC Client Platform Firmware Profile 1.05, 10.4.5.1.
 */
export function encodeHeader(banks: readonly HashAlgorithm[]): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt32LE(0, 0); // platformClass: PC client
  fixed.writeUInt8(0, 4); // specVersionMinor
  fixed.writeUInt8(2, 5); // specVersionMajor
  fixed.writeUInt8(105, 6); // specErrata: profile 1.05
  fixed.writeUInt8(2, 7); // uintnSize: 64-bit
  fixed.writeUInt32LE(banks.length, 8);
  const sizes = banks.map((bank) => {
    const entry = Buffer.alloc(4);
    entry.writeUInt16LE(hashId(bank), 0);
    entry.writeUInt16LE(hashSize(bank), 2);
    return entry;
  });
  const data = Buffer.concat([SPEC_ID_SIGNATURE, fixed, ...sizes, Buffer.alloc(1)]);
  const head = Buffer.alloc(32); // pcr 0, type, 20 zero bytes of SHA-1, size
  head.writeUInt32LE(EVENT_TYPE.NO_ACTION, 4);
  head.writeUInt32LE(data.length, 28);
  return Buffer.concat([head, data]);
}

/** Encodes a TCG_PCR_EVENT2. PFP 10.2.2. */
export function encodeEvent(event: LogEvent): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(event.pcr, 0);
  head.writeUInt32LE(event.type, 4);
  head.writeUInt32LE(event.digests.size, 8);
  const digests = [...event.digests].flatMap(([id, digest]) => {
    const algorithm = Buffer.alloc(2);
    algorithm.writeUInt16LE(id);
    return [algorithm, digest];
  });
  const size = Buffer.alloc(4);
  size.writeUInt32LE(event.data.length);
  return Buffer.concat([head, ...digests, size, event.data]);
}

/** Encodes a TCG_PCClientTaggedEvent, the data of EV_EVENT_TAG. PFP 10.4.2.1. */
export function encodeTagged(tag: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(tag, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}
