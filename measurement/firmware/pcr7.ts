import { digest, type HashAlgorithm, hashAlgorithms, hashId } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent, SEPARATOR_DATA } from '../event-log/format.ts';
import { pcrValues } from '../predict.ts';
import { EFI_GLOBAL_VARIABLE, EFI_IMAGE_SECURITY_DATABASE, guidBytes } from './efi-guids.ts';
import { ownerOf, type SecureBootKeys, secureBootVariables } from './secure-boot-keys.ts';
import type { SignatureEntry } from './signature-lists.ts';

/** The PCR of Secure Boot: whether it is on, its keys, and which of them vouched for what was started. PFP 1.05, 3.3.4.8. */
export const SECURE_BOOT_PCR = 7;

/** Types of the events there. PFP 1.05, 10.4.1, table 27. */
const VARIABLE_DRIVER_CONFIG = 0x80000001;
const VARIABLE_AUTHORITY = 0x800000e0;

/** Measured even when they are empty. */
const ALWAYS: readonly string[] = ['PK', 'KEK', 'db', 'dbx'];

export interface Pcr7Prediction {
  readonly events: readonly LogEvent[];
  /** The PCR's value in each bank. */
  readonly values: ReadonlyMap<HashAlgorithm, Buffer>;
}

/**
 * PCR 7 of a machine with these keys, in every bank, computed without a TPM.
 *
 * It holds for firmware that follows the PC Client profile as EDK II (and so OVMF) does: SecureBoot, PK, KEK, db, dbx, and dbt and dbr
 * where they hold something; the separator; with Secure Boot on, the entry of db that allowed what was started. Firmware that
 * starts signed option ROMs under another entry measures that entry, too, and what it starts may measure more.
 * @param allowedBy the entry of db by which firmware starts the file, as `allowingEntry` finds it; only where Secure Boot is on
 */
export function predictPcr7(
  { on, variables }: SecureBootKeys,
  allowedBy: SignatureEntry | undefined,
  banks: readonly HashAlgorithm[] = hashAlgorithms,
): Pcr7Prediction {
  if (on !== (allowedBy !== undefined))
    throw new Error('an entry of db allows, or Secure Boot is off');
  const config = secureBootVariables
    .filter((name) => ALWAYS.includes(name) || variables.has(name))
    .map((name) => variableData(ownerOf(name), name, variables.get(name) ?? Buffer.alloc(0)));
  const events = [
    ...[secureBootData(on), ...config].map((data) => event(VARIABLE_DRIVER_CONFIG, data, banks)),
    event(EVENT_TYPE.SEPARATOR, SEPARATOR_DATA, banks),
  ];
  if (allowedBy !== undefined) {
    const data = variableData(EFI_IMAGE_SECURITY_DATABASE, 'db', allowedBy.signature);
    events.push(event(VARIABLE_AUTHORITY, data, banks));
  }
  return { events, values: pcrValues(events, { pcr: SECURE_BOOT_PCR, banks }) };
}

/** What firmware measures of its variable SecureBoot. */
export const secureBootData = (on: boolean): Buffer =>
  variableData(EFI_GLOBAL_VARIABLE, 'SecureBoot', Buffer.from([on ? 1 : 0]));

/** UEFI_VARIABLE_DATA: owner, length of the name in characters, that of the contents in bytes, both. PFP 1.05, 10.2.6. */
function variableData(owner: string, name: string, contents: Buffer): Buffer {
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(name.length), 0);
  lengths.writeBigUInt64LE(BigInt(contents.length), 8);
  return Buffer.concat([guidBytes(owner), lengths, Buffer.from(name, 'utf16le'), contents]);
}

function event(type: number, data: Buffer, banks: readonly HashAlgorithm[]): LogEvent {
  const digests = new Map(banks.map((bank) => [hashId(bank), digest(bank, data)]));
  return { pcr: SECURE_BOOT_PCR, type, digests, data };
}
