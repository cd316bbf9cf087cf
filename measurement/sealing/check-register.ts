import { digest, type HashAlgorithm } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { SEPARATOR_DATA } from '../event-log/format.ts';
import { extend, initialValue } from '../event-log/replay.ts';
import type { ExpectedState } from './expected-state.ts';

/** From here on a program, or a dynamic launch, can reset PCRs. TCG PC Client Platform TPM Profile 1.05, 4.6.2. */
const FIRST_RESETTABLE_PCR = 16;
const LAST_FIRMWARE_PCR = 7;

/**
 * The value of a register that a secret can be sealed to.
 * @throws {MeasurementError} where that would protect nothing: nobody measured anything, or anybody can make the value
 */
export function checkRegister(
  { source, bootPcr }: ExpectedState,
  { bank, pcr, value }: { bank: HashAlgorithm; pcr: number; value: Buffer | undefined },
): Buffer {
  const refused = (what: string, hint: string) =>
    new MeasurementError(`${source}: PCR ${pcr} ${what}`, hint);
  if (pcr >= FIRST_RESETTABLE_PCR) {
    throw refused('can be reset while the machine runs', 'choose registers below 16');
  }
  if (pcr === bootPcr) {
    throw refused('is another one at each boot', 'leave it out: nothing could open the secret');
  }
  if (value === undefined) {
    throw refused(
      `is unmeasured: no event of bank ${bank} is expected in it`,
      'leave it out, or add its value to a reference',
    );
  }
  if (isAll(value, 0x00)) {
    throw refused('is empty: all zeros', 'leave it out: it holds that on every machine');
  }
  if (isAll(value, 0xff)) {
    throw refused('is all ones: nothing was measured', 'leave it out');
  }
  if (pcr <= LAST_FIRMWARE_PCR && value.equals(separatorAlone(bank, pcr))) {
    throw refused("is empty: nothing but firmware's separator", 'leave it out');
  }
  return value;
}

function isAll(value: Buffer, byte: number): boolean {
  return value.every((each) => each === byte);
}

/** What firmware leaves in a register that it measured nothing into. PFP 1.05, EV_SEPARATOR. */
function separatorAlone(bank: HashAlgorithm, pcr: number): Buffer {
  return extend(bank, initialValue(bank, pcr), digest(bank, SEPARATOR_DATA));
}
