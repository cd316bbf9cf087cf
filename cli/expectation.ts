import { objectName, type PcrValues } from 'node-tpm2-pts';
import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from '../boot-configs/pcrs.ts';
import { MAX_ENROLLED_SIZE } from '../measurement/enrolment/enrolled-file.ts';
import { readEnrolledKey } from '../measurement/enrolment/record.ts';
import { readAuthorities } from '../measurement/evidence/ek-chain.ts';
import { FIRMWARE_PCRS, readKey } from '../measurement/evidence/evidence.ts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import { firmwareEvents } from '../measurement/evidence/firmware-events.ts';
import { isSignedEfi } from '../measurement/firmware/signed-efi.ts';
import { xenCommandLineOf } from '../measurement/firmware/xen-options.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import project from '../package.json' with { type: 'json' };
import { requiredValue } from './arguments.ts';
import { type Input, type Terminal, UsageError } from './command.ts';
import { withLearnedFirmware } from './learned-firmware.ts';
import { nonceOf } from './nonce.ts';
import { predictedPlatform } from './predicted-platform.ts';
import { referenceFrom } from './reference-input.ts';
import { checkSecureBootUsage } from './secure-boot.ts';
import { waivedGaps } from './waived-gaps.ts';

/** Bytes; keys and bundles of certificates are smaller. */
const MAX_KEY_SIZE = 1 << 20;

/** What the options of `domb verify` expect of evidence with these quoted values. */
export async function expectationFrom(
  input: Input,
  terminal: Terminal,
  quoted: PcrValues,
): Promise<Expectation> {
  const { values } = input;
  const roots = values.get('ek-roots');
  return {
    nonce: expectedNonce(input),
    waived: waivedGaps(input),
    ...(await withLearnedFirmware(await measuredExpectation(input, terminal, quoted), input)),
    ...(await expectedKey(input)),
    ...(roots === undefined
      ? {}
      : { ekAuthorities: readAuthorities(await readBounded(roots, MAX_KEY_SIZE)) }),
  };
}

/** Wrong usage is said before anything is read. */
export function checkUsage(input: Input): void {
  const { values, flags } = input;
  expectedNonce(input);
  if (values.has('manifest')) checkSecureBootUsage(input);
  waivedGaps(input);
  checkKeyUsage(input);
  const [manifest, reference] = [values.has('manifest'), values.has('reference')];
  const learned = values.has('firmware-reference');
  const contradictions: [wrong: boolean, what: string, hint: string][] = [
    [manifest && reference, '--manifest and --reference exclude each other', 'choose one'],
    [manifest && !values.has('images'), '--manifest needs the images', 'add --images DIR'],
    [!manifest && values.has('images'), '--images is of no use alone', 'add --manifest FILE'],
    [
      !manifest && values.has('policy'),
      '--policy is of no use alone',
      'add --manifest and --images',
    ],
    [!manifest && values.has('efi'), '--efi is of no use alone', 'add --manifest and --images'],
    [
      !manifest && values.has('secure-boot'),
      '--secure-boot is of no use alone',
      'add --manifest, --images and --efi',
    ],
    [!manifest && flags.has('no-policy'), '--no-policy is of no use alone', 'leave it out'],
    [
      manifest && !values.has('policy') && !flags.has('no-policy'),
      '--manifest needs the FLASK policy of the boot image, which verifying does not build',
      'add --policy FILE, or --no-policy for a boot image without one; or use a reference',
    ],
    [
      !reference && !learned && flags.has('allow-unsigned'),
      '--allow-unsigned is for references',
      'leave it',
    ],
    [
      !manifest && !reference && !learned && values.has('key'),
      '--key has nothing to check',
      'leave it out',
    ],
  ];
  for (const [wrong, what, hint] of contradictions) if (wrong) throw new UsageError(what, hint);
  for (const name of ['pcr', 'boot-pcr']) {
    if (!values.has(name)) continue;
    if (manifest || reference) {
      throw new UsageError(`--${name} is what the manifest or reference says`, 'leave it out');
    }
    chosenPcr(input, name, 0);
  }
}

/** The nonce that the quote must carry. @throws {@link UsageError} for --nonce and --boot together */
export function expectedNonce(input: Input): Uint8Array | 'boot' {
  if (!input.flags.has('boot')) return nonceOf(requiredValue(input, 'nonce'));
  if (!input.values.has('nonce')) return 'boot';
  throw new UsageError(
    '--nonce and --boot exclude each other',
    'give the nonce that you had quoted with --nonce, or --boot for the quote that domB took itself',
  );
}

async function measuredExpectation(
  input: Input,
  terminal: Terminal,
  quoted: PcrValues,
): Promise<Omit<Expectation, 'nonce'>> {
  const { values } = input;
  const [manifest, reference] = [values.get('manifest'), values.get('reference')];
  if (reference !== undefined) return referenceFrom(reference, input);
  if (manifest !== undefined) {
    const platform = await predictedPlatform(manifest, input, terminal, [...quoted.keys()]);
    const { pcr, bootPcr } = platform.manifest.platform.measurement;
    const efi = values.get('efi');
    return {
      ...{ pcr, bootPcr, items: platform.boot.items, predictedBy: project.version },
      pcrs: platform.firmwarePcrs,
      firmwareEvents: firmwareEvents(platform.firmwareEvents, new Set(FIRMWARE_PCRS)),
      secureBoot: efi !== undefined && (await isSignedEfi(efi)),
      ...(await expectedXen(efi)),
    };
  }
  return {
    pcr: chosenPcr(input, 'pcr', DEFAULT_PCR),
    bootPcr: chosenPcr(input, 'boot-pcr', DEFAULT_BOOT_PCR),
  };
}

/** Xen's command line, where the EFI file has it. */
async function expectedXen(efi: string | undefined): Promise<Pick<Expectation, 'xenCommandLine'>> {
  const xenCommandLine = efi === undefined ? undefined : await xenCommandLineOf(efi);
  return xenCommandLine === undefined ? {} : { xenCommandLine };
}

function chosenPcr({ values }: Input, name: string, otherwise: number): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  if (/^\d{1,2}$/.test(text) && Number(text) < 24) return Number(text);
  throw new UsageError(`--${name}: "${text}" is no PCR`, 'give a number from 0 to 23');
}

/** Wrong usage of the options that name the key. */
export function checkKeyUsage({ values }: Input): void {
  if (!values.has('ak') || !values.has('enrolled')) return;
  throw new UsageError('--ak and --enrolled exclude each other', 'choose one');
}

/** The key that must have made the quote, as --ak or --enrolled names it. */
export async function expectedKey({
  values,
}: Input): Promise<Pick<Expectation, 'ak' | 'ekCertificate'>> {
  const [ak, enrolled] = [values.get('ak'), values.get('enrolled')];
  if (enrolled !== undefined) return enrolledKeys(enrolled);
  return ak === undefined ? {} : { ak: await enrolledKey(ak) };
}

async function enrolledKey(file: string): Promise<Buffer> {
  const key = readKey(await readBounded(file, MAX_KEY_SIZE), file);
  objectName(key); // Refuses what is no public area.
  return key;
}

async function enrolledKeys(file: string): Promise<Pick<Expectation, 'ak' | 'ekCertificate'>> {
  const { ak, certificate } = readEnrolledKey(await readBounded(file, MAX_ENROLLED_SIZE));
  return { ak, ...(certificate ? { ekCertificate: certificate.der } : {}) };
}
