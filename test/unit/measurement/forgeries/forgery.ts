import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import type { LogEvent } from '../../../../measurement/event-log/format.ts';
import type { MeasuredItem } from '../../../../measurement/events.ts';
import type { Evidence } from '../../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../../measurement/evidence/expectation.ts';
import type { CheckId, GapId } from '../../../../measurement/evidence/verdict.ts';
import { bootQuoteOf } from '../../../lib/boot-quote.ts';
import {
  BOOT_TARGET,
  bootItems,
  eventsOf,
  evidenceOf,
  ITEMS,
  NONCE,
} from '../../../lib/evidence.ts';
import { type AttestOverrides, SoftwareAk } from '../../../lib/software-ak.ts';

/** What whoever forges has in his hands, beside the genuine evidence itself, which everybody may have. */
export type Means =
  /** Nothing: he changes files on their way. */
  | 'the files'
  /** Files of other boots of this platform. */
  | 'files of other boots'
  /** A key outside of any TPM, with which he signs whatever he likes. */
  | 'a key in software'
  /** The platform, after the hand-over: its TPM signs what its registers hold. */
  | 'dom0'
  /** The platform, from reset on: its registers hold what he wants, but those of firmware, which hold what he started. */
  | 'another system on the platform'
  /** What the boot runs of its own: an image, a script. */
  | 'a part of the boot'
  /** The verifier's own command line or files. */
  | "the verifier's side";

/** One way to deceive a verifier. */
export interface Forgery {
  readonly name: string;
  readonly has: Means;
  readonly forged: () => Evidence;
  /** Where the verifier expects something else than {@link expected}, or less. */
  readonly under?: () => Expectation;
  /** What it comes to: the first check that refuses it, or the first gap through which it might be true. */
  readonly ends: `refused: ${CheckId}` | `unproven: ${GapId}`;
}

/** The key in the platform's TPM, which was enrolled; and one that is in none. */
export const ak: SoftwareAk = new SoftwareAk();
export const forger: SoftwareAk = new SoftwareAk();

/** A register in all banks. */
type Change = (value: Buffer, bank: HashAlgorithm) => Buffer;

/** Evidence of a platform whose registers went through these events, quoted and, before the caps, certified by `key`. */
export function platform({
  items = ITEMS,
  events = eventsOf(items),
  key = ak,
  boot = bootItems(key),
  bootEvents = eventsOf(boot, { target: BOOT_TARGET }),
}: {
  items?: readonly MeasuredItem[];
  events?: readonly LogEvent[];
  key?: SoftwareAk;
  boot?: readonly MeasuredItem[];
  bootEvents?: readonly LogEvent[];
} = {}): Evidence {
  const made = evidenceOf(events, key, bootEvents);
  return { ...made, bootQuote: bootQuoteOf(made, key) };
}

/** The boot as it should be. */
export const genuine: Evidence = platform();

/** What a verifier expects who expects all that can be. */
export const expected: Expectation = {
  ...{ nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS, ak: ak.publicArea },
  pcrs: only(genuine.pcrs, [4, 7]),
  secureBoot: true,
};

/** The expectation without some of its members. */
export function without(...members: (keyof Expectation)[]): Expectation {
  const entries = Object.entries(expected).filter(
    ([name]) => !members.some((each) => each === name),
  );
  return Object.fromEntries(entries) as unknown as Expectation;
}

/** These registers alone. */
export function only(pcrs: PcrValues, numbers: readonly number[]): PcrValues {
  return new Map(
    [...pcrs].map(([bank, values]) => [
      bank,
      new Map([...values].filter(([pcr]) => numbers.includes(pcr))),
    ]),
  );
}

/** All but these registers. */
export function except(pcrs: PcrValues, ...numbers: number[]): PcrValues {
  const all = Array.from({ length: 24 }, (_, pcr) => pcr);
  return only(
    pcrs,
    all.filter((pcr) => !numbers.includes(pcr)),
  );
}

/** The registers with another value in `number`. */
export function changed(pcrs: PcrValues, number: number, change: Change): PcrValues {
  return new Map(
    [...pcrs].map(([bank, values]) => [
      bank,
      new Map(
        [...values].map(([pcr, value]) => [pcr, pcr === number ? change(value, bank) : value]),
      ),
    ]),
  );
}

/** Another value of the same size. */
export const other: Change = (value) => Buffer.alloc(value.length, 0x66);

/** The evidence with a quote of these registers, by the platform's own key or another one; and a boot quote that fits. */
export function quoting(
  pcrs: PcrValues,
  evidence: Evidence = genuine,
  key: SoftwareAk = ak,
  overrides: AttestOverrides = {},
): Evidence {
  const quote = key.quote(pcrs, { nonce: NONCE, ...overrides });
  const made = { ...evidence, ak: key.publicArea, pcrs, quote };
  return { ...made, bootQuote: bootQuoteOf(made, key) };
}

/** One bit of some bytes changed, in their middle. */
export function flipped(bytes: Buffer, at: number = bytes.length >> 1): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
