import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { EVENT_TYPE, SEPARATOR_DATA } from '../event-log/format.ts';
import type { GapId } from '../evidence/verdict.ts';
import { BOOT_APPLICATION_PCR } from '../firmware/pcr4.ts';
import { SECURE_BOOT_PCR } from '../firmware/pcr7.ts';
import { checkRegister } from './check-register.ts';
import type { ExpectedState } from './expected-state.ts';

/** The gaps that can be left open by name in what a secret is sealed to. */
export const CHAIN_GAPS = ['launch-chain', 'secure-boot'] as const satisfies readonly GapId[];
export type ChainGap = (typeof CHAIN_GAPS)[number];

export interface RegisterChoice {
  readonly bank: HashAlgorithm;
  /** These registers and no others; when left out, the whole chain as far as it is known. */
  readonly pcrs?: readonly number[] | undefined;
  /** What is left open, told by name. */
  readonly without: ReadonlySet<ChainGap>;
}

/**
 * The values that the whole chain leaves: what firmware starts (PCR 4), Secure Boot where it is known or claimed (PCR 7), and
 * domB's registers with their caps. What domB measures alone proves nothing: any other kernel can extend the same digests.
 * @throws {MeasurementError} for a chain with a gap that is not named, and for each register that protects nothing
 */
export function chainValues(state: ExpectedState, choice: RegisterChoice): PcrValues {
  const { bank } = choice;
  const known = knownValues(state, bank);
  const registers = chosenRegisters(state, choice, known);
  requireLaunchChain(state, choice, registers, known);
  requireSecureBoot(state, choice, registers, known);
  if (!registers.includes(state.pcr)) {
    throw new MeasurementError(
      `${state.source}: PCR ${state.pcr}, which the manifest is measured into, is not among the registers`,
      `add ${state.pcr} to --pcrs: without it any manifest would open the secret`,
    );
  }
  requireCaps(state, registers);
  const values = registers.map((pcr): [number, Buffer] => [
    pcr,
    checkRegister(state, { bank, pcr, value: known.get(pcr) }),
  ]);
  return new Map([[bank, new Map(values)]]);
}

/** Firmware's values and those that domB's events give, in one bank. */
function knownValues(state: ExpectedState, bank: HashAlgorithm): Map<number, Buffer> {
  const measured = state.measured.get(bank) ?? new Map<number, Buffer>();
  const known = new Map([...(state.firmware.get(bank) ?? []), ...measured]);
  for (const [pcr, value] of state.firmware.get(bank) ?? []) {
    if (known.get(pcr)?.equals(value)) continue;
    throw new MeasurementError(
      `${state.source}: its value of PCR ${pcr} in bank ${bank} is not the one that its items give, with the cap`,
      `leave PCR ${pcr} out of its pcrs: it is computed from the items`,
    );
  }
  return known;
}

function chosenRegisters(
  state: ExpectedState,
  { bank, pcrs, without }: RegisterChoice,
  known: ReadonlyMap<number, Buffer>,
): number[] {
  if (pcrs !== undefined) return [...new Set(pcrs)].sort((one, other) => one - other);
  const chain = [
    ...(without.has('launch-chain') ? [] : [BOOT_APPLICATION_PCR]),
    ...(without.has('secure-boot') ? [] : [SECURE_BOOT_PCR]),
  ];
  const measured = [...(state.measured.get(bank)?.keys() ?? [])];
  return [...chain.filter((pcr) => known.has(pcr)), ...measured].sort((one, other) => one - other);
}

function requireLaunchChain(
  { source, pcr }: ExpectedState,
  { bank, without }: RegisterChoice,
  registers: readonly number[],
  known: ReadonlyMap<number, Buffer>,
): void {
  const there = registers.includes(BOOT_APPLICATION_PCR) && known.has(BOOT_APPLICATION_PCR);
  if (there || without.has('launch-chain')) return;
  const why = known.has(BOOT_APPLICATION_PCR)
    ? 'is left out'
    : `has no known value in bank ${bank}`;
  throw new MeasurementError(
    `${source}: PCR 4, what firmware starts, ${why}: any other kernel on that machine could extend PCR ${pcr} to the same value`,
    'name the EFI file (--efi), or take a reference that was made with it; --without launch-chain does without',
  );
}

function requireSecureBoot(
  { source, secureBoot }: ExpectedState,
  { bank, without }: RegisterChoice,
  registers: readonly number[],
  known: ReadonlyMap<number, Buffer>,
): void {
  if (without.has('secure-boot')) return;
  const is = known.has(SECURE_BOOT_PCR);
  if (is ? registers.includes(SECURE_BOOT_PCR) : !secureBoot) return;
  const why = is
    ? 'is left out'
    : `has no known value in bank ${bank}, though the EFI file is signed`;
  throw new MeasurementError(
    `${source}: PCR 7, state and keys of Secure Boot, ${why}`,
    'let it be predicted (--secure-boot), or add its value to a reference; --without secure-boot does without',
  );
}

/** Before its cap a register can still be extended to other values, and has this one while domB works. */
function requireCaps({ source, events, measured }: ExpectedState, chosen: readonly number[]): void {
  const own = new Set([...measured.values()].flatMap((values) => [...values.keys()]));
  for (const pcr of chosen.filter((each) => own.has(each))) {
    const last = events.filter((event) => event.pcr === pcr).at(-1);
    if (last?.type === EVENT_TYPE.SEPARATOR && last.data.equals(SEPARATOR_DATA)) continue;
    throw new MeasurementError(
      `${source}: the value of PCR ${pcr} is one without its cap: nothing says that the boot was complete`,
      'take the values of a boot that came to its end',
    );
  }
}
