import { digest, type HashAlgorithm, hashAlgorithms, hashId } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { pcrValues } from '../predict.ts';
import { authenticodeDigests } from './authenticode.ts';

/**
 * The PCR of boot loaders and of what else firmware starts from a disk. PFP 1.05, "PCR[4] - Boot Manager Code and Boot
 * Attempts".
 */
export const BOOT_APPLICATION_PCR = 4;

export interface Pcr4Prediction {
  readonly events: readonly LogEvent[];
  /** The PCR's value in each bank. */
  readonly values: ReadonlyMap<HashAlgorithm, Buffer>;
}

/** Event types that only firmware uses. PFP 1.05, 10.4.1, table 27. */
export const EFI_EVENT_TYPE = {
  BOOT_SERVICES_APPLICATION: 0x80000003,
  ACTION: 0x80000007,
} as const;

/** What firmware measures before it tries the first boot option; ASCII without a terminating zero. PFP 1.05, EV_EFI_ACTION. */
const CALLING = Buffer.from('Calling EFI Application from Boot Option', 'latin1');

/**
 * PCR 4 of a machine whose firmware starts `efiFile` as its first boot option, in every bank, computed without a TPM.
 *
 * It holds for firmware that follows the PC Client profile (OVMF does): the action, the separator, the application's
 * Authenticode digest. Firmware that tries another boot option before, or that starts an option ROM or a shell, measures
 * more. The application's event data, its place in memory and its device path, is not predicted: no digest covers it.
 * @throws {PeError} when the file is no PE image
 */
export async function predictPcr4(
  efiFile: string,
  banks: readonly HashAlgorithm[] = hashAlgorithms,
): Promise<Pcr4Prediction> {
  const application = await authenticodeDigests(efiFile, banks);
  const events = [
    ofData(EFI_EVENT_TYPE.ACTION, CALLING, banks),
    ofData(EVENT_TYPE.SEPARATOR, SEPARATOR_DATA, banks),
    event(EFI_EVENT_TYPE.BOOT_SERVICES_APPLICATION, Buffer.alloc(0), application),
  ];
  return { events, values: pcrValues(events, { pcr: BOOT_APPLICATION_PCR, banks }) };
}

function ofData(type: number, data: Buffer, banks: readonly HashAlgorithm[]): LogEvent {
  return event(type, data, new Map(banks.map((bank) => [bank, digest(bank, data)])));
}

function event(type: number, data: Buffer, byBank: ReadonlyMap<HashAlgorithm, Buffer>): LogEvent {
  const digests = new Map([...byBank].map(([bank, value]) => [hashId(bank), value]));
  return { pcr: BOOT_APPLICATION_PCR, type, digests, data };
}
