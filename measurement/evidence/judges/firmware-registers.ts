import { BOOT_APPLICATION_PCR } from '../../firmware/pcr4.ts';
import { SECURE_BOOT_PCR } from '../../firmware/pcr7.ts';
import type { Evidence } from '../evidence.ts';
import type { Expectation } from '../expectation.ts';
import { compareRegister, expectedPcrs } from '../expected-registers.ts';
import { firmwareDifferences } from '../firmware-differences.ts';
import { firmwareEvents } from '../firmware-events.ts';
import { type Judge, right, type Said, type Seen, wrong } from './judge.ts';

/** PCR 4: what firmware started. */
export const judgeLaunchChain: Judge = (...all) =>
  compared((pcr) => pcr === BOOT_APPLICATION_PCR, ...all);

/** PCR 7: state and keys of Secure Boot. */
export const judgeSecureBoot: Judge = (...all) =>
  compared((pcr) => pcr === SECURE_BOOT_PCR, ...all);

/** All other registers of which a value is expected. */
export const judgeFirmware: Judge = (...all) =>
  compared((pcr) => pcr !== BOOT_APPLICATION_PCR && pcr !== SECURE_BOOT_PCR, ...all);

function compared(
  concerns: (pcr: number) => boolean,
  { pcrs: quoted }: Evidence,
  { pcrs: expected, firmwareEvents: events = [] }: Expectation,
  { firmware }: Seen,
): Said[] {
  if (expected === undefined) return [];
  const pcrs = [...expectedPcrs(expected)].filter(concerns).sort((a, b) => a - b);
  return pcrs.flatMap((pcr) => {
    const { problems, equal } = compareRegister(pcr, expected, quoted);
    if (problems.length === 0) return right(`PCR ${pcr}: as expected in ${equal.join(', ')}`);
    const known = events.some((event) => event.pcr === pcr);
    if (!firmware || !known) return wrong(...problems);
    const measured = firmwareEvents(firmware.events, new Set([pcr]));
    return wrong(...problems, ...firmwareDifferences(pcr, events, measured));
  });
}
