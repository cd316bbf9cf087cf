import { objectName, type PcrValues } from 'node-tpm2-pts';
import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from '../boot-configs/pcrs.ts';
import { readAuthorities } from '../measurement/evidence/ek-chain.ts';
import { readKey } from '../measurement/evidence/evidence.ts';
import type { Expectation } from '../measurement/evidence/verify.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { type Input, type Terminal, UsageError } from './command.ts';
import { chosenNonce } from './nonce.ts';
import { predictedPlatform } from './predicted-platform.ts';
import { referenceFrom } from './reference-input.ts';

/** Bytes; keys and bundles of certificates are smaller. */
const MAX_KEY_SIZE = 1 << 20;

/** What the options of `domb verify` expect of evidence with these quoted values. */
export async function expectationFrom(
  input: Input,
  terminal: Terminal,
  quoted: PcrValues,
): Promise<Expectation> {
  const { values } = input;
  const [ak, roots] = [values.get('ak'), values.get('ek-roots')];
  return {
    nonce: expectedNonce(input),
    ...(await measuredExpectation(input, terminal, quoted)),
    ...(ak === undefined ? {} : { ak: await enrolledKey(ak) }),
    ...(roots === undefined
      ? {}
      : { ekAuthorities: readAuthorities(await readBounded(roots, MAX_KEY_SIZE)) }),
  };
}

/** Wrong usage is said before anything is read. */
export function checkUsage(input: Input): void {
  const { values, flags } = input;
  expectedNonce(input);
  const [manifest, reference] = [values.has('manifest'), values.has('reference')];
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
    [!manifest && flags.has('no-policy'), '--no-policy is of no use alone', 'leave it out'],
    [!reference && flags.has('allow-unsigned'), '--allow-unsigned is for references', 'leave it'],
    [!manifest && !reference && values.has('key'), '--key has nothing to check', 'leave it out'],
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

function expectedNonce(input: Input): Uint8Array | 'boot' {
  const nonce = chosenNonce(input);
  const boot = input.flags.has('boot');
  if (boot === (nonce === undefined)) return nonce ?? 'boot';
  throw new UsageError(
    boot ? '--nonce and --boot exclude each other' : 'the nonce is missing',
    'give the nonce that you had quoted with --nonce, or --boot for the quote that domB took itself',
  );
}

async function measuredExpectation(
  input: Input,
  terminal: Terminal,
  quoted: PcrValues,
): Promise<Pick<Expectation, 'pcr' | 'bootPcr' | 'items' | 'pcrs'>> {
  const { values } = input;
  const [manifest, reference] = [values.get('manifest'), values.get('reference')];
  if (reference !== undefined) return referenceFrom(reference, input);
  if (manifest !== undefined) {
    const platform = await predictedPlatform(manifest, input, terminal, [...quoted.keys()]);
    const { pcr, bootPcr } = platform.manifest.platform.measurement;
    return { pcr, bootPcr, items: platform.boot.items, pcrs: platform.firmwarePcrs };
  }
  return {
    pcr: chosenPcr(input, 'pcr', DEFAULT_PCR),
    bootPcr: chosenPcr(input, 'boot-pcr', DEFAULT_BOOT_PCR),
  };
}

function chosenPcr({ values }: Input, name: string, otherwise: number): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  if (/^\d{1,2}$/.test(text) && Number(text) < 24) return Number(text);
  throw new UsageError(`--${name}: "${text}" is no PCR`, 'give a number from 0 to 23');
}

async function enrolledKey(file: string): Promise<Buffer> {
  const key = readKey(await readBounded(file, MAX_KEY_SIZE), file);
  objectName(key); // Refuses what is no public area.
  return key;
}
