import { digest, pcrRead, type Tpm } from 'node-tpm2-pts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { replay } from '../../../measurement/event-log/replay.ts';
import { efiVariable } from '../../../measurement/formats/firmware/efi-events.ts';
import { Unknown } from './unknown.ts';

/** State and keys of Secure Boot. TCG PC Client Platform Firmware Profile 1.05, 3.3.4.8. */
const PCR = 7;
/** EV_EFI_VARIABLE_DRIVER_CONFIG: the contents of a variable. PFP 1.05, table 27. */
const DRIVER_CONFIG = 0x80000001;
/** EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3). */
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/**
 * Whether firmware checked what it started: what it measured of its variable `SecureBoot`, in a log that agrees with the TPM.
 * @throws {Unknown} saying why it cannot be known
 */
export async function secureBoot(tpm: Tpm, firmwareLog: Buffer | undefined): Promise<boolean> {
  if (firmwareLog === undefined) throw new Unknown('there is no firmware log');
  const { algorithms, events } = parseEventLog(firmwareLog);
  const bank = algorithms.find(({ name }) => name === 'sha256')?.name ?? algorithms[0]?.name;
  if (bank === undefined) throw new Unknown('no bank of the firmware log is known');
  const held = (await pcrRead(tpm, [{ bank, pcrs: [PCR] }])).get(bank)?.get(PCR);
  const value = replay(events, bank).get(PCR);
  if (held === undefined || value === undefined || !value.equals(held)) {
    throw new Unknown(`the firmware log does not agree with PCR ${PCR}`);
  }
  const id = algorithms.find(({ name }) => name === bank)?.id ?? 0;
  for (const { pcr, type, data, digests } of events) {
    if (pcr !== PCR || type !== DRIVER_CONFIG) continue;
    const variable = efiVariable(data);
    if (variable.name !== 'SecureBoot' || variable.owner !== GLOBAL) continue;
    // The digests were extended; the data are what they say only if they fit.
    if (digests.get(id)?.equals(digest(bank, data))) return variable.data[0] === 1;
    throw new Unknown('the event on SecureBoot is not what was measured');
  }
  throw new Unknown('firmware measured no variable SecureBoot');
}
