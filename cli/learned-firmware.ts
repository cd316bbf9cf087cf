import type { PcrValues } from 'node-tpm2-pts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import { Failure, type Input } from './command.ts';
import { firmwareReferenceFrom } from './reference-input.ts';

type Measured = Omit<Expectation, 'nonce'>;

/**
 * An expectation with what the file of --firmware-reference says of the machine's firmware.
 * @throws {Failure} where the two expect different values of one register
 */
export async function withLearnedFirmware(expected: Measured, input: Input): Promise<Measured> {
  const file = input.values.get('firmware-reference');
  if (file === undefined) return expected;
  const learned = await firmwareReferenceFrom(file, input);
  const { pcrs = new Map(), firmwareEvents = [] } = expected;
  const told = new Set(firmwareEvents.map(({ pcr }) => pcr));
  return {
    ...expected,
    pcrs: merged(pcrs, learned.pcrs, file),
    firmwareEvents: [...firmwareEvents, ...learned.events.filter(({ pcr }) => !told.has(pcr))],
  };
}

function merged(pcrs: PcrValues, learned: PcrValues, file: string): PcrValues {
  const all = new Map([...pcrs].map(([bank, values]) => [bank, new Map(values)]));
  for (const [bank, values] of learned) {
    const both = all.get(bank) ?? new Map<number, Buffer>();
    for (const [pcr, value] of values) {
      const other = both.get(pcr);
      if (other !== undefined && !other.equals(value)) {
        throw new Failure(
          `${file}: PCR ${pcr} was learned to be another than the one that is predicted (bank ${bank})`,
          'learn again, without the registers that are predicted (--pcrs)',
        );
      }
      both.set(pcr, value);
    }
    all.set(bank, both);
  }
  return all;
}
