import type { PcrValues } from 'node-tpm2-pts';
import { registerValues } from '../predict.ts';
import type { ExpectedState } from './expected-state.ts';

/**
 * The values that the same registers have when all that is predictable is measured and nothing is capped yet: a state that nobody but
 * domB is in.
 * @param values those of the end of the boot, whose registers of domB's end with their caps
 */
export function beforeCaps({ events, measured }: ExpectedState, values: PcrValues): PcrValues {
  const own = new Set([...measured.values()].flatMap((byPcr) => [...byPcr.keys()]));
  const uncapped = [...own].flatMap((pcr) =>
    events.filter((event) => event.pcr === pcr).slice(0, -1),
  );
  const before = registerValues(uncapped, [...own], [...values.keys()]);
  return new Map(
    [...values].map(([bank, byPcr]) => [
      bank,
      new Map(
        [...byPcr].map(([pcr, value]) => [pcr, before.get(bank)?.get(pcr) ?? value] as const),
      ),
    ]),
  );
}
