import type { HashAlgorithm } from 'node-tpm2-pts';
import { encodeCap, encodeItem, type Target } from './encode.ts';
import type { LogEvent } from './event-log/format.ts';
import { initialValue, replay } from './event-log/replay.ts';
import type { MeasuredItem } from './events.ts';

export interface Prediction {
  /** The events as the log will hold them. */
  readonly events: readonly LogEvent[];
  /** The PCR's value in each bank. */
  readonly values: ReadonlyMap<HashAlgorithm, Buffer>;
}

/**
 * What a boot that measures `items` in this order leaves in the PCR and in the log, computed without a TPM.
 * @param capped whether the boot reaches the cap; false gives the value before it
 */
export function predict(
  items: readonly MeasuredItem[],
  target: Target,
  { capped = true } = {},
): Prediction {
  const events = items.map((item, sequence) => encodeItem(item, sequence, target));
  if (capped) events.push(encodeCap(target));
  return { events, values: pcrValues(events, target) };
}

/** The value of the target's PCR in each bank after these events. */
export function pcrValues(
  events: readonly LogEvent[],
  { pcr, banks }: Target,
): Map<HashAlgorithm, Buffer> {
  return new Map(
    banks.map((bank) => [bank, replay(events, bank).get(pcr) ?? initialValue(bank, pcr)]),
  );
}
