import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HashAlgorithm, hashAlgorithms, type PcrValues } from 'node-tpm2-pts';
import type { Manifest } from '../boot-configs/manifest.ts';
import { type BootPrediction, predictBoot } from '../daemon/plan/prediction.ts';
import type { LogEvent } from '../measurement/event-log/format.ts';
import { BOOT_APPLICATION_PCR, predictPcr4 } from '../measurement/firmware/pcr4.ts';
import { SECURE_BOOT_PCR } from '../measurement/firmware/pcr7.ts';
import { requiredValue } from './arguments.ts';
import type { Input, Terminal } from './command.ts';
import { manifestSource } from './manifest-input.ts';
import { checkPolicyChoice } from './policy-choice.ts';
import { checkSecureBootUsage, pcr7Of, secureBootKeys } from './secure-boot.ts';

/** What TPMs have in practice. */
export const USUAL_BANKS: readonly HashAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];

/** Everything that can be said of a platform before it boots. */
export interface PredictedPlatform {
  readonly manifest: Manifest;
  /** The banks that it is said of. */
  readonly banks: readonly HashAlgorithm[];
  readonly boot: BootPrediction;
  /** Events of firmware that starts the EFI file, where one was given. */
  readonly firmwareEvents: readonly LogEvent[];
  /** Values of firmware's PCRs, as far as they can be predicted. */
  readonly firmwarePcrs: PcrValues;
}

/**
 * Predicts what the manifest `file`, the directory of --images and the files of --policy, --key, --efi and --secure-boot will leave in these
 * banks; without them in those that the manifest demands, or in the usual ones.
 */
export async function predictedPlatform(
  file: string,
  input: Input,
  terminal: Terminal,
  chosenBanks?: readonly HashAlgorithm[],
): Promise<PredictedPlatform> {
  checkPolicyChoice(input);
  checkSecureBootUsage(input);
  const directory = requiredValue(input, 'images');
  const efi = input.values.get('efi');
  const read = await manifestSource(input, terminal);
  const { manifest, bytes, hashed } = await read(file);
  const banks = chosenBanks ?? demandedBanks(manifest) ?? USUAL_BANKS;
  const findImage = (path: string): string => join(directory, path);
  const keyFile = input.values.get('key');
  const boot = await predictBoot({
    manifest,
    manifestBytes: bytes,
    findImage,
    hashed,
    policy: await policyFile(input),
    signatureKey: keyFile === undefined ? undefined : await readFile(keyFile),
    banks,
  });
  const predicted = { manifest, banks, boot };
  if (efi === undefined) return { ...predicted, firmwareEvents: [], firmwarePcrs: new Map() };
  const keys = await secureBootKeys(input);
  const pcr4 = await predictPcr4(efi, banks);
  const pcr7 = keys && (await pcr7Of(keys, efi, banks));
  return {
    ...predicted,
    firmwareEvents: [...(pcr7?.events ?? []), ...pcr4.events],
    firmwarePcrs: new Map(
      banks.map((bank) => {
        const values = [
          [BOOT_APPLICATION_PCR, pcr4.values.get(bank)],
          [SECURE_BOOT_PCR, pcr7?.values.get(bank)],
        ] as const;
        return [bank, new Map(values.flatMap(([pcr, value]) => (value ? [[pcr, value]] : [])))];
      }),
    ),
  };
}

function demandedBanks({ platform }: Manifest): readonly HashAlgorithm[] | undefined {
  const demanded = hashAlgorithms.filter((bank) => platform.measurement.banks.includes(bank));
  return demanded.length > 0 ? demanded : undefined;
}

/** The policy that the boot image holds: as with `domb image`, ours when none is named. */
async function policyFile({ values, flags }: Input): Promise<string | undefined> {
  if (flags.has('no-policy')) return undefined;
  const named = values.get('policy');
  if (named !== undefined) return named;
  const { buildPolicy } = await import('../platform/policy/build.ts');
  return buildPolicy();
}
