import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import { encodeCap } from './encode.ts';
import type { LogEvent } from './event-log/format.ts';
import { encodeEvent, encodeHeader } from './event-log/write.ts';
import type { IdentityItem, MeasuredItem } from './events.ts';
import { predict, registerValues } from './predict.ts';

/**
 * Where a guest's TPM has what the guest was started from: PCR 8 what can be predicted, PCR 9 what is of this boot. Firmware, whose
 * registers are 0 to 7, has no part in the start of a guest; 8 and 9 are those of whoever loads a kernel, as GRUB is (UAPI Group, "Linux
 * TPM PCR Registry").
 */
export const LAUNCH_PCRS = { predictable: 8, boot: 9 } as const;

/** Each gets a separator before firmware starts what it boots. TCG PC Client Platform Firmware Profile 1.05, 10.4.1, EV_SEPARATOR. */
const FIRMWARE_PCRS = [0, 1, 2, 3, 4, 5, 6, 7];

/** What is measured of a guest's start. */
export interface LaunchItems {
  /** In their order; the same at each boot. */
  readonly predictable: readonly MeasuredItem[];
  /** Undefined where nobody knows it beforehand. */
  readonly identity: IdentityItem | undefined;
}

/**
 * The events that a guest's TPM begins with, and what its registers then hold. Each of the registers is capped: nobody can extend one
 * without launch events, of a guest that domB did not make, to the value of one with them.
 * @param items undefined for a guest of which nothing is known
 */
export function guestLaunch(
  items: LaunchItems | undefined,
  banks: readonly HashAlgorithm[],
): { events: readonly LogEvent[]; pcrs: PcrValues } {
  const { predictable, boot } = LAUNCH_PCRS;
  const measured = new Map<number, readonly MeasuredItem[]>([
    [predictable, items?.predictable ?? []],
  ]);
  if (items === undefined) measured.set(boot, []);
  // Of a register with an identity that nobody knows there is no value.
  else if (items.identity !== undefined) measured.set(boot, [items.identity]);
  const events = [
    ...FIRMWARE_PCRS.map((pcr) => encodeCap({ pcr, banks })),
    ...[...measured].flatMap(([pcr, each]) => predict(each, { pcr, banks }).events),
  ];
  const pcrs = [...FIRMWARE_PCRS, ...measured.keys()];
  return { events, pcrs: registerValues(events, pcrs, banks) };
}

/** The events as a log in the TCG crypto-agile format. */
export const launchLog = (events: readonly LogEvent[], banks: readonly HashAlgorithm[]): Buffer =>
  Buffer.concat([encodeHeader(banks), ...events.map(encodeEvent)]);
