import { type HashAlgorithm, hashAlgorithms } from 'node-tpm2-pts';
import { isSignedEfi } from '../measurement/firmware/signed-efi.ts';
import { beforeCaps } from '../measurement/sealing/before-caps.ts';
import { CHAIN_GAPS, type ChainGap, chainValues } from '../measurement/sealing/chain.ts';
import { type ExpectedState, referenceState } from '../measurement/sealing/expected-state.ts';
import type { StateBranch } from '../measurement/sealing/sealed-policy.ts';
import { type Input, type Terminal, UsageError } from './command.ts';
import { type PredictedPlatform, predictedPlatform } from './predicted-platform.ts';
import { referenceFrom } from './reference-input.ts';

const DEFAULT_BANK: HashAlgorithm = 'sha256';

/**
 * The states that --for, with its images and files, and --reference tell of, with the values of their whole chain.
 * @throws {MeasurementError} for a chain with a gap that --without does not name
 */
export async function stateBranches(input: Input, terminal: Terminal): Promise<StateBranch[]> {
  const { values } = input;
  const bank = chosenBank(values.get('bank'));
  const choice = { bank, pcrs: chosenRegisters(values.get('pcrs')), without: openGaps(input) };
  const [manifest, references] = [values.get('for'), values.get('reference')?.split(',') ?? []];
  const states: ExpectedState[] = [];
  if (manifest !== undefined) {
    const platform = await predictedPlatform(manifest, input, terminal, [bank]);
    states.push(await platformState(platform, manifest, input));
  }
  for (const file of references) {
    states.push(referenceState(await referenceFrom(file, input), bank, file));
  }
  const ofChain = (state: ExpectedState) => chainValues(state, choice);
  // What is approved for before the caps has to come to its caps, too.
  const approved = (state: ExpectedState) =>
    input.flags.has('vtpm-state') ? beforeCaps(state, ofChain(state)) : ofChain(state);
  return states.map((state) => ({ source: state.source, values: approved(state) }));
}

/** Wrong usage is said before anything is read. */
export function checkStatesUsage({ values, flags }: Input): void {
  const [manifest, reference] = [values.has('for'), values.has('reference')];
  const alone = (name: string): [boolean, string, string] => [
    !manifest && (values.has(name) || flags.has(name)),
    `--${name} is of no use alone`,
    'add --for FILE',
  ];
  const contradictions: [wrong: boolean, what: string, hint: string][] = [
    [manifest && !values.has('images'), '--for needs the images', 'add --images DIR'],
    [values.get('for') === '-', '--for is not read from standard input', 'name it as a file'],
    ...['images', 'efi', 'secure-boot', 'policy', 'no-policy'].map(alone),
    [!reference && flags.has('allow-unsigned'), '--allow-unsigned is for references', 'leave it'],
    [!manifest && !reference && values.has('key'), '--key has nothing to check', 'leave it out'],
  ];
  for (const [wrong, what, hint] of contradictions) if (wrong) throw new UsageError(what, hint);
}

/** The state that a manifest, its images and the EFI file of --efi lead to. */
export async function platformState(
  { manifest, boot, firmwarePcrs }: PredictedPlatform,
  source: string,
  { values }: Input,
): Promise<ExpectedState> {
  const { pcr, bootPcr } = manifest.platform.measurement;
  const efi = values.get('efi');
  const secureBoot = efi !== undefined && (await isSignedEfi(efi));
  const measured = { events: boot.events, measured: boot.pcrs };
  return { source, pcr, bootPcr, ...measured, firmware: firmwarePcrs, secureBoot };
}

/** The gaps that --without names. @throws {@link UsageError} for others */
export function openGaps({ values }: Input): Set<ChainGap> {
  const names = values.get('without')?.split(',') ?? [];
  return new Set(
    names.map((name) => {
      const gap = CHAIN_GAPS.find((known) => known === name);
      if (gap !== undefined) return gap;
      throw new UsageError(
        `--without: "${name}" is no gap`,
        `choose from ${CHAIN_GAPS.join(', ')}`,
      );
    }),
  );
}

function chosenBank(name: string = DEFAULT_BANK): HashAlgorithm {
  const bank = hashAlgorithms.find((known) => known === name);
  // Two values with one SHA-1 digest can be made.
  if (bank !== undefined && bank !== 'sha1') return bank;
  const known = hashAlgorithms.filter((each) => each !== 'sha1').join(', ');
  throw new UsageError(`--bank: no secret is sealed to bank "${name}"`, `choose from ${known}`);
}

function chosenRegisters(list: string | undefined): number[] | undefined {
  return list?.split(',').map((text) => {
    if (/^\d{1,2}$/.test(text) && Number(text) < 24) return Number(text);
    throw new UsageError(`--pcrs: "${text}" is no PCR`, 'give numbers from 0 to 23, with commas');
  });
}
