import type { PcrValues } from 'node-tpm2-pts';
import type { MeasuredEvent } from '../events.ts';
import { missingKeys } from '../keys/attestation-key.ts';
import { type Evidence, FIRMWARE_PCRS } from './evidence.ts';
import type { Expectation } from './expectation.ts';
import { expectedPcrs, expectsContent } from './expected-registers.ts';
import type { Seen } from './judges/judge.ts';
import { readBackNotes } from './read-back.ts';

/** What a verdict does not vouch for beside its gaps. */
export function notesOn(
  { nonce, pcrs, ekAuthorities }: Expectation,
  { log, bootLog, firmware: measured }: Seen,
  evidence: Evidence,
): string[] {
  const notes: string[] = [];
  // For the quote of the boot itself that is a gap.
  if (evidence.bootQuote === undefined && nonce !== 'boot') {
    notes.push(
      'the boot quote: there is none, so that nothing shows what was quoted before the hand-over',
    );
  }
  if (ekAuthorities !== undefined)
    notes.push('whether the EK certificate was revoked: not looked at');
  const firmware = uncomparedFirmware(pcrs ?? new Map());
  if (firmware !== undefined) notes.push(`the firmware, PCR ${firmware}: compared with nothing`);
  notes.push(...firmwareLogNotes(evidence, measured?.unquoted ?? []));
  const compared = log && bootLog ? readBackNotes(log, bootLog) : [];
  return [
    ...notes,
    ...unquoted(bootLog?.events ?? []),
    ...leftUnmeasured(log?.events ?? []),
    ...compared,
  ];
}

/** Whether domB had no key to quote the boot with. */
function unquoted(events: readonly MeasuredEvent[]): string[] {
  return events.flatMap((event) =>
    event.event === 'attestation-key' && event.missing !== undefined
      ? [`the boot was quoted by nobody: ${missingKeys[event.missing].says}`]
      : [],
  );
}

function firmwareLogNotes({ firmwareLog, pcrs }: Evidence, unquoted: readonly number[]): string[] {
  if (firmwareLog !== undefined) {
    const registers = unquoted.join(', ');
    return unquoted.length === 0
      ? []
      : [`firmware.log, PCR ${registers}: not quoted, compared with nothing`];
  }
  const used = FIRMWARE_PCRS.some((pcr) => expectsContent(pcr, pcrs));
  return used ? ['what firmware measured: firmware.log is not in the evidence'] : [];
}

/** What the measured domains themselves say is in no register. */
function leftUnmeasured(events: readonly MeasuredEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.event !== 'domain') return [];
    const left = event.unmeasured ?? [];
    return left.map(
      (component) => `${event.domain} ${component}: the manifest leaves it unmeasured`,
    );
  });
}

/** Firmware's PCRs of which nothing is expected, in words such as "0 to 3, 5 to 7". */
function uncomparedFirmware(expected: PcrValues): string | undefined {
  const checked = expectedPcrs(expected);
  const runs: [first: number, last: number][] = [];
  for (const pcr of FIRMWARE_PCRS.filter((each) => !checked.has(each))) {
    const run = runs.at(-1);
    if (run?.[1] === pcr - 1) run[1] = pcr;
    else runs.push([pcr, pcr]);
  }
  if (runs.length === 0) return undefined;
  return runs
    .map(([first, last]) => {
      if (first === last) return first;
      return last === first + 1 ? `${first}, ${last}` : `${first} to ${last}`;
    })
    .join(', ');
}
