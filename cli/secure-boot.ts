import type { HashAlgorithm } from 'node-tpm2-pts';
import { allowingEntry } from '../measurement/firmware/authority.ts';
import { type Pcr7Prediction, predictPcr7 } from '../measurement/firmware/pcr7.ts';
import {
  noKeys,
  readSecureBootKeys,
  type SecureBootKeys,
} from '../measurement/firmware/secure-boot-keys.ts';
import { type Input, UsageError } from './command.ts';

/** What --secure-boot says of a machine without keys. */
const NONE = 'none';

/** The keys that --secure-boot names; undefined without that option. */
export async function secureBootKeys({ values }: Input): Promise<SecureBootKeys | undefined> {
  const source = values.get('secure-boot');
  if (source === undefined) return undefined;
  return source === NONE ? noKeys : readSecureBootKeys(source);
}

/** PCR 7 when firmware with these keys starts the EFI file. */
export async function pcr7Of(
  keys: SecureBootKeys,
  efi: string,
  banks: readonly HashAlgorithm[],
): Promise<Pcr7Prediction> {
  const db = keys.variables.get('db') ?? Buffer.alloc(0);
  return predictPcr7(keys, keys.on ? await allowingEntry(efi, db) : undefined, banks);
}

/** Which key vouches is known with the file only. @throws {@link UsageError} without it */
export function checkSecureBootUsage({ values, flags }: Input): void {
  if (!values.has('secure-boot') || values.has('efi') || flags.has('efi')) return;
  throw new UsageError(
    '--secure-boot is about what firmware starts',
    'name the EFI file with --efi, or leave --secure-boot out',
  );
}
