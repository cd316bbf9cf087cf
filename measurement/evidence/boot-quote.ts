import {
  type ClockInfo,
  decodePublic,
  decodeQuote,
  encodePublic,
  type PcrValues,
  Tpm2Error,
  verifyCertify,
  verifyQuote,
} from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent } from '../event-log/format.ts';
import { encodeEvent } from '../event-log/write.ts';
import { AK_PARENT } from '../keys/attestation-key.ts';
import { registerValues } from '../predict.ts';
import { BOOT_KEY_PARENT, type BootQuote, bootKeyTemplate } from './boot-key.ts';
import { bootNonce, type Evidence, FIRMWARE_PCRS } from './evidence.ts';
import type { MeasuredLog } from './read-log.ts';

/** Evidence with the quote that domB made before the caps, and with its logs as they were read. */
export interface BootQuoteEvidence {
  readonly evidence: Evidence;
  readonly bootQuote: BootQuote;
  readonly log: MeasuredLog;
  readonly bootLog: MeasuredLog | undefined;
}

/**
 * What keeps a boot quote from showing that it was made before the hand-over, in the boot that the attestation key's own quote
 * is of. The registers' values before the caps are those of firmware as they are quoted, and what the logs give without their
 * caps. Whoever signed with the boot key had them in the registers, which the caps changed for good before any domain ran.
 *
 * Quote and logs of the evidence were found true before.
 */
export function bootQuoteProblems({
  evidence,
  bootQuote,
  log,
  bootLog,
}: BootQuoteEvidence): string[] {
  const { key, certification, quote } = bootQuote;
  const logs = bootLog ? [log, bootLog] : [log];
  const before = valuesBefore(evidence.pcrs, logs);
  if (typeof before === 'string') return [before];
  const nonce = bootNonce({
    log: bytesBefore(evidence.log, log),
    ...(evidence.bootLog && bootLog ? { bootLog: bytesBefore(evidence.bootLog, bootLog) } : {}),
  });
  const ak = { publicArea: evidence.ak, parent: AK_PARENT };
  const object = { publicArea: key, parent: BOOT_KEY_PARENT };
  try {
    const problem = keyProblem(key, before);
    if (problem) return [problem];
    const { clock } = verifyCertify(certification, { ak, object, nonce });
    verifyQuote(quote, { ak: key, parent: BOOT_KEY_PARENT, nonce, pcrs: before });
    return bootProblems(clock, decodeQuote(evidence.quote.attest).clock);
  } catch (error) {
    if (error instanceof Tpm2Error) return [`the boot quote: ${error.message}`];
    throw error;
  }
}

function isCap({ type }: LogEvent): boolean {
  return type === EVENT_TYPE.SEPARATOR;
}

/** A log's file as it was before its caps, which are the last events. */
function bytesBefore(bytes: Buffer, { records }: MeasuredLog): Buffer {
  const caps = records.filter(isCap).map((cap) => encodeEvent(cap).length);
  return bytes.subarray(0, bytes.length - caps.reduce((sum, size) => sum + size, 0));
}

/** What all registers held before the caps, or why nobody knows. */
function valuesBefore(quoted: PcrValues, logs: readonly MeasuredLog[]): PcrValues | string {
  const before: PcrValues = new Map();
  const [first] = logs;
  for (const bank of first?.target.banks ?? []) {
    const values = new Map<number, Buffer>();
    for (const pcr of FIRMWARE_PCRS) {
      const value = quoted.get(bank)?.get(pcr);
      if (value === undefined) {
        return `the boot quote can't be judged: PCR ${pcr} is not quoted in bank ${bank}`;
      }
      values.set(pcr, value);
    }
    for (const { records, pcrs } of logs) {
      const events = records.filter((event) => !isCap(event));
      const replayed = registerValues(events, pcrs, [bank]).get(bank) ?? [];
      for (const [pcr, value] of replayed) values.set(pcr, value);
    }
    before.set(bank, values);
  }
  return before;
}

/** The key must be the one that domB makes, to the bit, but for the point. */
function keyProblem(publicArea: Buffer, before: PcrValues): string | undefined {
  const expected = bootKeyTemplate(before);
  if (!expected) return 'the boot key: there is no bank stronger than SHA-1 for its policy';
  const area = decodePublic(publicArea);
  if (area.attributes !== expected.attributes) {
    return `the boot key may be used otherwise than by its policy: attributes 0x${area.attributes.toString(16)}, expected 0x${expected.attributes.toString(16)}`;
  }
  if (!area.authPolicy.equals(expected.authPolicy)) {
    return 'the boot key is not bound to the registers as they were before the caps: its policy is another';
  }
  const pointless = encodePublic({ ...area, key: { ...area.key, ...NO_POINT } });
  if (!pointless.equals(encodePublic(expected))) return 'the boot key is of another kind';
  return undefined;
}

const NO_POINT = { x: Buffer.alloc(0), y: Buffer.alloc(0) };

/** The counts are in what the attestation key signed: it shows them as they are. */
function bootProblems(certified: ClockInfo, quoted: ClockInfo): string[] {
  const count = ({ resetCount, restartCount }: ClockInfo) => `${resetCount}.${restartCount}`;
  if (count(certified) === count(quoted)) return [];
  return [
    certified.resetCount === quoted.resetCount
      ? `the TPM was resumed or restarted since the boot quote: restart count ${certified.restartCount} there, now ${quoted.restartCount}`
      : `the boot quote is of another boot: reset count ${certified.resetCount} there, ${quoted.resetCount} in the quote`,
  ];
}
