import { claimsSecureBoot, compareFirmwareLog } from '../firmware-log.ts';
import { type Judge, right, wrong } from './judge.ts';

/** The log that firmware left, where it is in the evidence. */
export const judgeFirmwareLog: Judge = ({ firmwareLog, pcrs }, _, seen) => {
  if (firmwareLog === undefined) return [];
  const { problems, events, unquoted } = compareFirmwareLog(firmwareLog, pcrs);
  if (problems.length > 0) return wrong(...problems);
  seen.firmware = { events, unquoted };
  const claim = claimsSecureBoot(events);
  if (claim !== undefined) seen.secureBoot = claim;
  const says =
    claim === undefined
      ? 'it tells nothing of Secure Boot'
      : `Secure Boot is ${claim ? 'on' : 'off'}`;
  return right(`firmware.log: ${events.length} events and the quoted PCR 0 to 7 agree; ${says}`);
};
