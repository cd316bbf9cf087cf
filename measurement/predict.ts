import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import { encodeCap, encodeItem, type Target } from './encode.ts';
import type { LogEvent } from './event-log/format.ts';
import { initialValue, replay } from './event-log/replay.ts';
import type { MeasuredItem } from './events.ts';
import { Registers } from './registers.ts';

export interface Prediction {
  /** The events as the log will hold them. */
  readonly events: readonly LogEvent[];
  /** The values of all registers that the items go into, by bank. */
  readonly pcrs: PcrValues;
}

/**
 * What a boot that measures `items` in this order leaves in its registers and in the log, computed without a TPM.
 * @param target the first register, and the banks
 * @param capped whether the boot reaches the caps; false gives the values before them
 */
export function predict(
  items: readonly MeasuredItem[],
  target: Target,
  { capped = true } = {},
): Prediction {
  const { banks } = target;
  const registers = new Registers(target.pcr);
  const events = items.flatMap((item) => {
    const places = registers.places(item);
    registers.add(item, places);
    return places.map(({ pcr, sequence }) => encodeItem(item, sequence, { pcr, banks }));
  });
  if (capped) events.push(...registers.pcrs.map((pcr) => encodeCap({ pcr, banks })));
  return { events, pcrs: registerValues(events, registers.pcrs, banks) };
}

/** The values of `pcrs` in each bank after these events. */
export function registerValues(
  events: readonly LogEvent[],
  pcrs: readonly number[],
  banks: readonly HashAlgorithm[],
): PcrValues {
  return new Map(
    banks.map((bank) => {
      const values = replay(events, bank);
      return [bank, new Map(pcrs.map((pcr) => [pcr, values.get(pcr) ?? initialValue(bank, pcr)]))];
    }),
  );
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
