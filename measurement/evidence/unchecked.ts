import type { PcrValues } from 'node-tpm2-pts';
import type { MeasuredEvent } from '../events.ts';
import { FIRMWARE_PCRS } from './evidence.ts';
import { expectedPcrs } from './further-pcrs.ts';
import type { Expectation } from './verify.ts';

/** A nonce of fewer bytes could be one of those that somebody had quoted in advance. */
const GUESSABLE = 16;

/** What this expectation leaves open, whatever the evidence is. */
export function uncheckedAlways({ nonce, items, pcrs, ak, ekAuthorities }: Expectation): string[] {
  const unchecked: string[] = [];
  if (nonce === 'boot') {
    unchecked.push('that the quote is fresh: it was taken during a boot, perhaps an earlier one');
  } else if (nonce.length < GUESSABLE) {
    unchecked.push(`that nobody guessed the nonce, which has ${nonce.length} bytes only`);
  }
  if (ak === undefined) {
    unchecked.push(
      ekAuthorities === undefined
        ? 'that the attestation key is in a genuine TPM'
        : "that the attestation key is in the certificate's TPM: have it activate a credential",
    );
  }
  if (ekAuthorities !== undefined) unchecked.push('whether the EK certificate was revoked');
  const firmware = uncheckedFirmware(pcrs ?? new Map());
  if (firmware !== undefined) unchecked.push(`the firmware, PCR ${firmware}`);
  if (items === undefined) unchecked.push('the measured items: nothing to compare them with');
  return unchecked;
}

/** What the measured domains themselves say is in no register. */
export function unmeasured(events: readonly MeasuredEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.event !== 'domain') return [];
    const left = event.unmeasured ?? [];
    return left.map(
      (component) => `${event.domain} ${component}: the manifest leaves it unmeasured`,
    );
  });
}

/** Firmware's PCRs of which nothing is expected, in words such as "0 to 3, 5 to 7". */
function uncheckedFirmware(expected: PcrValues): string | undefined {
  const checked = expectedPcrs(expected);
  const runs: [first: number, last: number][] = [];
  for (const pcr of FIRMWARE_PCRS.filter((each) => !checked.has(each))) {
    const run = runs.at(-1);
    if (run?.[1] === pcr - 1) run[1] = pcr;
    else runs.push([pcr, pcr]);
  }
  if (runs.length === 0) return undefined;
  return runs.map(([first, last]) => (first === last ? first : `${first} to ${last}`)).join(', ');
}
