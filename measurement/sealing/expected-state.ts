import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import type { LogEvent } from '../event-log/format.ts';
import type { Reference } from '../evidence/reference.ts';
import { predict } from '../predict.ts';

/** What a platform holds when it came up as it should, known before it boots: what a secret can be sealed to. */
export interface ExpectedState {
  /** Names it in messages: the manifest's file, or the reference's. */
  readonly source: string;
  /** The register of what can be predicted, and that of what differs at each boot. */
  readonly pcr: number;
  readonly bootPcr: number;
  /** What domB measures, to the caps. */
  readonly events: readonly LogEvent[];
  /** The values that those events give. */
  readonly measured: PcrValues;
  /** Values of firmware's registers, as far as they are known. */
  readonly firmware: PcrValues;
  /** Whether the platform is said to start what is signed only: then PCR 7 counts. */
  readonly secureBoot: boolean;
}

/** The state that a reference tells of, in one bank. */
export function referenceState(
  { pcr, bootPcr, items, pcrs }: Reference,
  bank: HashAlgorithm,
  source: string,
): ExpectedState {
  const { events, pcrs: measured } = predict(items, { pcr, banks: [bank] });
  return { source, pcr, bootPcr, events, measured, firmware: pcrs, secureBoot: false };
}
