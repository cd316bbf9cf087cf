import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import { readAnyLog } from '../../measurement/event-log/any-log.ts';
import type { LogEvent } from '../../measurement/event-log/format.ts';
import { encodeEvent, encodeHeader } from '../../measurement/event-log/write.ts';
import { registerValues } from '../../measurement/predict.ts';

const FIRMWARE = [0, 1, 2, 3, 4, 5, 6, 7];

/** A firmware's log as some other machine left it, without what its boot loader added: events, banks, values of PCR 0 to 7. */
export interface ForeignFirmware {
  readonly events: readonly LogEvent[];
  readonly banks: readonly HashAlgorithm[];
  readonly log: Buffer;
  readonly pcrs: PcrValues;
}

/** One of test/logs. */
export function foreignFirmware(name: string): ForeignFirmware {
  const read = readAnyLog(readFileSync(join(import.meta.dirname, `../logs/${name}.bin`)));
  const banks = read.algorithms.map((each) => each.name as HashAlgorithm);
  return firmwareOf(
    [...read.events()].filter(({ pcr }) => pcr < 8),
    banks,
  );
}

/** A machine whose firmware measured these events. */
export function firmwareOf(
  events: readonly LogEvent[],
  banks: readonly HashAlgorithm[],
): ForeignFirmware {
  const log = Buffer.concat([encodeHeader(banks), ...events.map(encodeEvent)]);
  return { events, banks, log, pcrs: registerValues(events, FIRMWARE, banks) };
}

/** The same bytes with one bit changed. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}
